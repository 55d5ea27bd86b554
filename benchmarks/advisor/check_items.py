"""Check the form of a folder of the test set: `python benchmarks/advisor/check_items.py FOLDER`."""

import json
import sys
from pathlib import Path
from typing import Any

TASKS = (
    "sisr_any",
    "sisr",
    "real_world_sr",
    "video_sr",
    "denoising",
    "deblurring",
    "deraining",
    "dehazing",
    "low_light_enhancement",
    "compression_artifact_removal",
    "inpainting",
    "colorization",
    "style_transfer",
    "face_restoration",
    "image_enhancement",
    "hdr_reconstruction",
    "shadow_removal",
    "reflection_removal",
    "background_removal",
    "semantic_segmentation",
    "object_detection",
    "depth_estimation",
    "pose_estimation",
    "optical_flow",
    "frame_interpolation",
    "image_classification",
    "image_captioning",
    "visual_question_answering",
    "ocr",
    "text_to_image",
    "image_editing",
    "feature_upsampling",
    "image_matching",
    "none",
)
ROLES = ("primary", "supporting", "related", "unrelated")
OUTCOMES = ("answer", "wrong_model", "none", "unclear")
NOT_STATED = (
    "speed",
    "memory",
    "licence",
    "training_data",
    "price",
    "accuracy",
    "size_limit",
    "platform",
    "commercial_use",
)
CAVEATS = ("scale_beyond_trained", "scale_not_fixed_factor", "not_recovered")
FIELDS = {
    "model": {
        "id",
        "kind",
        "name",
        "category",
        "detailed_category",
        "dataset",
        "paper",
        "github",
        "hugging_face",
        "summary",
    },
    "paper": {"id", "kind", "name", "link", "github", "summary"},
}


def faults(folder: Path) -> list[str]:
    """What is wrong in the form of a folder, a sentence each."""
    found: list[str] = []
    listed = json.loads((folder / "sources.json").read_text(encoding="utf-8"))
    sources = {one["id"]: one for one in listed}
    if len(sources) < len(listed):
        found.append("an id stands twice in sources.json")
    found += [f"source {one['id']}: fields" for one in listed if set(one) != FIELDS[one["kind"]]]
    seen: set[str] = set()
    for line in (folder / "items.jsonl").read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        found += [f"{item['id']}: {fault}" for fault in _faults_of(item, sources)]
        if item["id"] in seen:
            found.append(f"{item['id']} stands twice")
        seen.add(item["id"])
    return found


def _faults_of(item: dict[str, Any], sources: dict[str, Any]) -> list[str]:
    gold, found = item["gold"], []
    provided = [*item["models"], *item["papers"]]
    found += [f"no source {one}" for one in provided if one not in sources]
    if found:
        return found
    found += [f"{one} is no model" for one in item["models"] if sources[one]["kind"] != "model"]
    found += [f"{one} is no paper" for one in item["papers"] if sources[one]["kind"] != "paper"]
    found += [f"task {one}" for one in gold["tasks"] if one not in TASKS]
    if not gold["tasks"]:
        found.append("no task")
    if gold["outcome"] not in OUTCOMES:
        found.append("outcome")
    if set(gold["roles"]) != set(provided):
        found.append("roles are for exactly the provided sources")
    found += [f"role {one}" for roles in gold["roles"].values() for one in roles if one not in ROLES]
    found += [f"primary {one}" for one in gold["primary"] if one not in provided]
    found += [f"workflow {one}" for one in gold["workflow"] if one not in provided]
    found += [f"not_stated {one}" for one in gold["not_stated"] if one not in NOT_STATED]
    found += [f"caveat {one}" for one in gold["caveats"] if one not in CAVEATS]
    if (gold["outcome"] in ("none", "unclear")) != (not gold["primary"]):
        found.append("a primary source is there exactly where something is answered")
    for nugget in gold["nuggets"]:
        source = {**sources[nugget["source"]], **item.get("overrides", {}).get(nugget["source"], {})}
        if nugget["source"] not in provided or nugget["span"] not in (source["summary"] or ""):
            found.append(f"nugget of {nugget['source']} is no span of its summary")
    return found


if __name__ == "__main__":
    faults_found = faults(Path(sys.argv[1]))
    sys.stdout.write("\n".join(faults_found or ["well formed"]) + "\n")
    sys.exit(bool(faults_found))
