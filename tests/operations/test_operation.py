from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from pydantic import Field

from anyres.core.errors import InputError, LimitError
from anyres.core.image import Image, Rows
from anyres.core.results import ContinuousImage, PictureFile, Report
from anyres.core.sizes import SizeHW
from anyres.operations.operation import (
    OPERATIONS,
    Operation,
    PortType,
    Progress,
    declared_by,
    every_operation,
    operation,
)
from anyres.operations.upscale import upscale


def repeated_size(size_hw: SizeHW, *, times: int) -> SizeHW:
    return size_hw[0] * times, size_hw[1]


@pytest.fixture
def repeat() -> Iterator[Operation[Any, Image]]:
    @operation(
        version="1.0.0",
        size=repeated_size,
        label=lambda output_hw, *, times: f"{times}times{output_hw[0]}",
        weights=lambda *, times: ["a" * times],
    )
    def repeat(
        image: Image,
        *,
        times: Annotated[int, Field(ge=1, le=9, description="How often.")] = 4,
        strength: Annotated[float, Field(gt=0, description="How strong.")] = 4,
        order: Literal["down", "up"] = "down",
        progress: Progress | None = None,
    ) -> Rows:
        """Repeat a picture.

        More of it.
        """
        if progress:
            progress(1.0)
        stripes = (image.pixels for _ in range(times))
        return Rows(
            (image.height * times, image.width), has_alpha=False, encoding=image.encoding, stripes=stripes
        )

    yield repeat
    del OPERATIONS["repeat"]


@pytest.fixture
def image() -> Image:
    return Image(np.full((2, 3, 3), 0.5, np.float32))


def test_the_signature_is_the_declaration(repeat: Operation[Any, Image]) -> None:
    assert repeat.name == "repeat"
    assert repeat.summary == "Repeat a picture."
    assert repeat.ports == {"image": Image}
    assert list(repeat.parameters.model_fields) == ["times", "strength", "order"]
    assert OPERATIONS["repeat"] is repeat


def test_the_schema_of_the_parameters_says_type_range_default_and_meaning(
    repeat: Operation[Any, Image],
) -> None:
    times = repeat.parameters.model_json_schema()["properties"]["times"]
    expected = {"type": "integer", "minimum": 1, "maximum": 9, "default": 4, "description": "How often."}
    assert expected.items() <= times.items()


def test_a_plain_text_in_annotated_is_the_description() -> None:
    def recipe(*, steps: Annotated[int | None, "How long."] = None, plain: int = 1) -> None: ...

    properties = declared_by(recipe)[1].model_json_schema()["properties"]
    assert properties["steps"]["description"] == "How long."
    assert "description" not in properties["plain"]


def test_called_it_gives_the_whole_picture(repeat: Operation[Any, Image], image: Image) -> None:
    whole = repeat(image, times=3)
    assert isinstance(whole, Image)
    assert whole.size_hw == (6, 3)


def test_streamed_it_gives_the_rows(repeat: Operation[Any, Image], image: Image) -> None:
    rows = repeat.stream(image=image, times=3)
    assert isinstance(rows, Rows)
    assert [stripe.shape for stripe in rows.stripes] == [(2, 3, 3)] * 3


def test_progress_reaches_the_function_and_is_no_parameter(
    repeat: Operation[Any, Image], image: Image
) -> None:
    seen: list[float] = []
    repeat(image, progress=seen.append)
    assert seen == [1.0]
    assert "progress" not in repeat.parameters.model_fields


def test_a_float_with_a_whole_default_takes_fractions(repeat: Operation[Any, Image]) -> None:
    assert repeat.check_parameters({"strength": "2.5"}).model_dump()["strength"] == 2.5
    assert repeat.check_parameters({"strength": "2"}).model_dump()["strength"] == 2.0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"times": 10}, r"times should be less than or equal to 9; 10 was given\."),
        ({"times": "two"}, r"times should be a valid integer.*; 'two' was given\."),
        ({"strength": float("nan")}, r"strength should be a finite number; nan was given\."),
        ({"order": "left"}, r"order should be 'down' or 'up'; 'left' was given\."),
        ({"colour": 1}, r"repeat has no parameter colour; it has times, strength, order\."),
    ],
)
def test_a_parameter_out_of_its_range_is_refused_in_one_sentence(
    repeat: Operation[Any, Image], image: Image, given: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        repeat(image, **given)
    with pytest.raises(InputError, match=message):
        repeat.stream(image, **given)


def test_ports_that_are_missing_or_too_many_are_refused(repeat: Operation[Any, Image], image: Image) -> None:
    with pytest.raises(InputError, match="repeat takes image; 0 values were given"):
        repeat()
    with pytest.raises(InputError, match="repeat takes image"):
        repeat(image, image)


@pytest.mark.parametrize("given", ["photo.jpg", np.zeros((2, 3, 3), np.float32)])
def test_a_port_takes_its_own_kind_alone(repeat: Operation[Any, Image], given: object) -> None:
    message = r"repeat takes an Image as image; an? (str|ndarray) was given\. Use Image\.open\(\.\.\.\) or"
    with pytest.raises(InputError, match=message):
        repeat(given)
    with pytest.raises(InputError, match=message):
        repeat.stream(image=given)


def test_rules_see_the_parameters_that_they_name(repeat: Operation[Any, Image]) -> None:
    parameters = repeat.check_parameters({"times": 3})
    assert repeat.output_size_hw([(2, 5)], parameters) == (6, 5)
    assert repeat.label((6, 5), parameters) == "3times6"
    assert repeat.weights_sha256(parameters) == ["aaa"]


def test_equal_work_has_equal_text_and_other_work_another(repeat: Operation[Any, Image]) -> None:
    text = repeat.canonical(repeat.check_parameters({}))
    assert repeat.canonical(repeat.check_parameters({"times": "4", "strength": 4.0})) == text
    assert repeat.canonical(repeat.check_parameters({"times": 5})) != text
    assert "1.0.0" in text


@pytest.fixture
def tally() -> Iterator[Operation[Any, Report]]:
    @operation(version="1.0.0", size=None)
    def tally(images: tuple[Image, ...], first: Image) -> Report:
        """Count pictures."""
        return Report("Count", {"pictures": float(len(images))})

    yield tally
    del OPERATIONS["tally"]


def test_the_types_of_ports_and_output_say_kind_and_list(
    repeat: Operation[Any, Image], tally: Operation[Any, Report]
) -> None:
    assert repeat.port_types == {"image": PortType("Image")}
    assert repeat.output_type == PortType("Image")
    assert tally.port_types == {"images": PortType("Image", is_list=True), "first": PortType("Image")}
    assert str(tally.port_types["images"]) == "list[Image]"
    assert tally.output_type == PortType("Report")
    kinds = [PortType.of(kind).kind for kind in (ContinuousImage, PictureFile)]
    assert kinds == ["ContinuousImage", "PictureFile"]


def test_a_list_port_takes_one_or_more_of_its_kind(tally: Operation[Any, Report], image: Image) -> None:
    assert tally([image, image], image).figures["pictures"] == 2
    assert tally((image,), image).figures["pictures"] == 1


@pytest.mark.parametrize("given", [[], "image", ["photo.jpg"]])
def test_a_list_port_refuses_none_one_and_others(
    tally: Operation[Any, Report], image: Image, given: object
) -> None:
    with pytest.raises(InputError, match=r"tally takes (one|a list of|an) Image (or more )?as images"):
        tally(image if given == "image" else given, image)


def test_a_report_has_no_size_and_nothing_else_is_without(tally: Operation[Any, Report]) -> None:
    assert tally.output_size_hw([((1, 1), (2, 2)), (1, 1)], tally.check_parameters({})) is None
    with pytest.raises(AssertionError, match="a report, and nothing else, has no size"):

        @operation(version="1.0.0", size=None)
        def sizeless(image: Image) -> Image:
            return image


def test_what_has_a_weights_rule_uses_a_network(
    repeat: Operation[Any, Image], tally: Operation[Any, Report]
) -> None:
    assert repeat.uses_network
    assert not tally.uses_network


def test_what_progress_raises_comes_out(repeat: Operation[Any, Image], image: Image) -> None:
    class CancelledError(Exception):
        pass

    def cancel(_: float) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        repeat(image, progress=cancel)


def test_a_result_too_large_for_the_memory_is_refused_before_the_work(
    repeat: Operation[Any, Image], image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "anyres.core.device.free_memory_bytes", lambda: 600
    )  # 480 of them may be used: 40 float pixels
    with pytest.raises(LimitError, match=r"3x18 pixels needs 648 bytes of memory.*a smaller result"):
        repeat(image, times=9, progress=lambda _: pytest.fail("the work began"))
    assert repeat(image, times=6).size_hw == (12, 3)


def test_memory_that_runs_out_in_the_work_is_a_limit(repeat: Operation[Any, Image], image: Image) -> None:
    def exhausted(_: float) -> None:
        raise MemoryError

    with pytest.raises(LimitError, match=r"Memory ran out in repeat.*a smaller result"):
        repeat(image, progress=exhausted)


def test_a_rule_that_names_no_parameter_is_a_fault_found_at_once() -> None:
    with pytest.raises(AssertionError, match="names sharpness, no parameter"):

        @operation(version="1", size=lambda size_hw, *, sharpness: size_hw)
        def broken(image: Image) -> Image:
            return image


def test_every_file_of_the_folder_is_listed() -> None:
    assert "upscale" in every_operation()


def test_a_refusal_shows_the_beginning_of_a_long_value_alone() -> None:
    with pytest.raises(InputError) as refusal:
        upscale.check_parameters({"scale": "x" * 3_000_000})
    assert len(str(refusal.value)) < 500
