"""What the server takes and does at most; told to clients before they send anything."""

from dataclasses import dataclass

from anyres.core.files import Limits


@dataclass(frozen=True)
class ServerLimits:
    """Each can be changed where the server is made."""

    upload_megabytes: float = 256.0  # of a picture's file, millions of bytes
    picture_megapixels: float = 100.0  # of a picture that is uploaded
    result_megapixels: float = 400.0  # of all results of a run
    encoded_megapixels: float = 4.0  # of a picture whose features are kept for continuous tiles
    stored_megabytes: float = 20_000.0  # of all uploads and results together
    body_kilobytes: float = 512.0  # of a request that is no upload
    run_seconds: float = 3600.0  # after which a run is stopped
    worker_megabytes: float = 12_000.0  # of memory, after which a process that works is ended
    waiting_runs: int = 200
    tile_seconds: float = 60.0

    @property
    def of_pictures(self) -> Limits:
        """Those on a file that is read."""
        return Limits(self.picture_megapixels, self.upload_megabytes)
