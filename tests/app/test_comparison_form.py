"""The form on the Descriptors page: ready-made choices, networks, and what they need."""

from __future__ import annotations

from core import registry
from core.cnn.config import TrainConfig
from tests import trained
from tests.app.support import calm, opened, said
from ui import cached

MODEL = "ab" * 16


def labels(at, key):
    """The pills of a row as they are written."""
    return [option.content for option in at.pills(key=key).proto.options]


def asked(at):
    """Press the button and read the comparison that it starts."""
    (button,) = [b for b in at.button if b.label.startswith("Run ") and b.proto.type == "primary"]
    button.click()
    calm(at.run())
    run_id = at.session_state["run"]
    comparison = cached.comparison(run_id)
    for job in list(cached.jobs()._jobs.values()):
        cached.jobs().cancel(job.id)
    return comparison


def test_the_combined_signature_is_one_click(store):
    at = opened("descriptors", run=store.runs["flat"])
    at.button(key="choose-combined").click()
    calm(at.run())
    comparison = asked(at)
    (signature,) = comparison.descriptors
    names = {part.name for part in registry.parse_signature(signature)}
    assert names == {"sift", "autoencoder", "hsv_histogram"}
    assert registry.parse("outliers", comparison.outliers).name == "isolation_forest"
    assert registry.parse("reducer", comparison.reducer).name == "umap"
    clusterers = {registry.parse("clusterer", text).name for text in comparison.clusterers}
    assert clusterers == {"kmeans", "agglomerative", "dbscan"}


def test_networks_stand_apart_and_say_what_they_need(store, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    at = opened("descriptors", run=store.runs["flat"])
    classic, deep = labels(at, "chosen-descriptors"), labels(at, "chosen-networks")
    assert "SIFT" in classic and "EfficientNet-Lite0" in deep
    (vgg,) = [label for label in deep if label.startswith("VGG16")]
    assert "downloads its weights" in vgg
    (clip,) = [label for label in deep if label.startswith("CLIP")]
    assert "needs a file" in clip
    (tmp_path / "models").mkdir()
    file = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    (tmp_path / "models" / file).write_bytes(b"")
    assert "VGG16" in labels(calm(at.run()), "chosen-networks")


def test_descriptors_are_compared_each_alone_joined_or_both(store):
    at = opened("descriptors", run=store.runs["flat"])
    at.pills(key="chosen-descriptors").set_value(["hog", "lbp"])
    for way, count in (("each alone", 2), ("all joined as one", 1), ("both", 3)):
        at.segmented_control(key="chosen-joining").set_value(way)
        calm(at.run())
        assert any(b.label == f"Run {count} pipeline{'s' * (count > 1)}" for b in at.button)


def test_nothing_chosen_is_said(store):
    at = opened("descriptors", run=store.runs["flat"])
    at.pills(key="chosen-descriptors").set_value([])
    calm(at.run())
    assert "at least one descriptor" in said(at)


def test_a_trained_model_is_chosen_by_its_name(empty_store, filled):
    at = opened("descriptors")
    (option,) = [o for o in labels(at, "chosen-networks") if o.startswith("Trained CNN")]
    assert "needs a model" in option
    dataset = cached.dataset(cached.DEFAULT.source)
    probabilities = trained.answers(dataset)
    config = TrainConfig(model="scratch", size=16)
    trained.model_folder(empty_store.home, MODEL, dataset, probabilities, config)
    at.pills(key="chosen-descriptors").set_value([])
    at.pills(key="chosen-networks").set_value(["trained_cnn"])
    calm(at.run())
    assert "Trained CNN" in labels(at, "chosen-networks")
    box = at.selectbox(key="run-trained-model")
    assert box.options[0] == "the newest" and "From scratch" in box.options[1]
    box.set_value(MODEL)
    calm(at.run())
    assert asked(at).descriptors == (f"trained_cnn:model={MODEL}",)
