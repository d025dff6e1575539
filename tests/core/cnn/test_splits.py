import numpy as np
import pytest
from PIL import Image

from core.cnn.config import Study, TrainConfig
from core.cnn.splits import split_of
from core.datasets import open_dataset, source_from
from core.errors import InputError
from core.store import Store
from tests.core.cnn import coloured


def opened(folder, tmp_path):
    return open_dataset(source_from(str(folder)), Store(tmp_path / "store"))


def test_drawn_parts_are_60_20_20_of_every_class_and_depend_on_the_seed(tmp_path):
    dataset = opened(coloured.write(tmp_path / "data", 20), tmp_path)
    split = split_of(dataset, TrainConfig())
    assert split.classes == ("blue", "green", "red")
    for label in range(3):
        counts = np.bincount(split.part[split.labels == label], minlength=3)
        assert counts.tolist() == [12, 4, 4]
    again, other = (split_of(dataset, TrainConfig(seed=s)) for s in (0, 1))
    assert again.key == split.key != other.key


def test_parts_given_as_folders_are_taken_and_what_was_left_over_is_not_used(tmp_path):
    for part, count in (("train", 6), ("validation", 3), ("test", 2), ("rest", 5)):
        coloured.write(tmp_path / "data" / part, count)
    split = split_of(opened(tmp_path / "data", tmp_path), TrainConfig(seed=5))
    assert split.classes == ("blue", "green", "red")
    assert [len(split.rows(part)) for part in range(3)] == [18, 9, 6]
    assert (split.part == -1).sum() == 15
    # The same pictures lie in every folder, which is said.
    assert any("exact copies of training images" in note for note in split.notes)


def test_a_missing_part_is_taken_from_the_training_images(tmp_path):
    coloured.write(tmp_path / "data" / "train", 15)
    coloured.write(tmp_path / "data" / "test", 4)
    split = split_of(opened(tmp_path / "data", tmp_path), TrainConfig())
    assert [len(split.rows(part)) for part in range(3)] == [36, 9, 12]
    assert any("no validation folder" in note for note in split.notes)


def test_exact_copies_stay_in_one_part(tmp_path):
    folder = coloured.write(tmp_path / "data", 12)
    for number in range(12):
        Image.fromarray(coloured.picture("red", number)).save(folder / "red" / f"copy{number}.png")
    dataset = opened(folder, tmp_path)
    digests = np.array(dataset.digests)
    for config in (TrainConfig(), TrainConfig(folds=3, fold=1)):
        part = split_of(dataset, config).part
        for digest in set(dataset.digests):
            assert len(set(part[digests == digest])) == 1


def test_every_image_is_once_the_test_in_folds(tmp_path):
    dataset = opened(coloured.write(tmp_path / "data", 10), tmp_path)
    tested = np.zeros(len(dataset), int)
    for fold in range(5):
        part = split_of(dataset, TrainConfig(folds=5, fold=fold)).part
        tested += part == 2
        assert [(part == p).sum() for p in range(3)] == [18, 6, 6]
    assert (tested == 1).all()


@pytest.mark.parametrize(
    ("names", "count", "message"),
    [
        (("red",), 5, "classes in data: got 0, allowed is at least 2"),
        (("red", "blue"), 2, "images of the class 'blue': got 2, allowed is at least 3"),
    ],
)
def test_too_little_is_said_in_one_sentence(tmp_path, names, count, message):
    dataset = opened(coloured.write(tmp_path / "data", count, names), tmp_path)
    with pytest.raises(InputError, match=message):
        split_of(dataset, TrainConfig())


def test_a_study_is_three_models_with_and_without_augmentation():
    study = Study(source_from("digits"), TrainConfig(seed=3, size=48), variants=True)
    assert [config.variant for config in study.configs()] == [
        "From scratch",
        "From scratch, augmented",
        "Transfer",
        "Transfer, augmented",
        "Fine-tuned",
        "Fine-tuned, augmented",
    ]
    assert [config.size for config in study.configs()] == [48, 48, None, None, None, None]
    assert {config.seed for config in study.configs()} == {3}
    assert Study.from_json(study.to_json()) == study


def test_settings_are_written_as_on_the_command_line_and_checked():
    config = TrainConfig.from_texts(["dropout=0.5", "flip=false"], {"model": "scratch"})
    assert (config.dropout, config.flip, config.model) == (0.5, False, "scratch")
    with pytest.raises(InputError, match=r"train: dropout: got 2, allowed is a number from 0 to"):
        TrainConfig.from_texts(["dropout=2"], {})
    with pytest.raises(InputError, match="train: parameter: got momentum=1, allowed is model="):
        TrainConfig.from_texts(["momentum=1"], {})
    with pytest.raises(InputError, match="backbone"):
        TrainConfig(backbone="alexnet")


def test_what_has_no_effect_is_not_in_the_key(tmp_path):
    dataset = opened(coloured.write(tmp_path / "data", 4), tmp_path)
    plain = TrainConfig(model="scratch", augment=False).resolve(dataset)
    changed = TrainConfig(model="scratch", augment=False, shift=0.3, views=2, backbone="vgg16")
    assert changed.resolve(dataset) == plain
    assert (plain.size, plain.epochs, plain.flip) == (32, 60, False)
    assert plain.resolve(dataset) == plain, "settled once"


def test_what_cannot_be_learnt_or_judged_is_said(tmp_path):
    few = opened(coloured.write(tmp_path / "few", 3), tmp_path)
    with pytest.raises(InputError, match="images for test in few: got 0, allowed is at least 1"):
        for fold in range(20):
            split_of(few, TrainConfig(folds=20, fold=fold))
    for name in ("red", "blue"):
        (tmp_path / "same" / name).mkdir(parents=True)
        for number in range(6):
            picture = Image.fromarray(coloured.picture(name, 0))
            picture.save(tmp_path / "same" / name / f"{number}.png")
    with pytest.raises(InputError, match="images for validation in same: got 0.*Exact copies"):
        split_of(opened(tmp_path / "same", tmp_path), TrainConfig())
    coloured.write(tmp_path / "given" / "train", 6, ("red", "blue"))
    coloured.write(tmp_path / "given" / "test", 4, ("red", "green"))
    with pytest.raises(InputError, match="training images of the class 'green': got 0"):
        split_of(opened(tmp_path / "given", tmp_path), TrainConfig())


def test_a_class_that_is_not_judged_is_noted(tmp_path):
    coloured.write(tmp_path / "data" / "train", 6)
    coloured.write(tmp_path / "data" / "test", 4, ("red", "blue"))
    split = split_of(opened(tmp_path / "data", tmp_path), TrainConfig())
    assert "The test has no image of green." in split.notes


@pytest.mark.parametrize("values", [{"folds": 2.5}, {"folds": "3"}, {"folds": 3, "fold": 3}])
def test_folds_are_whole_numbers(values):
    with pytest.raises(InputError, match="fold"):
        TrainConfig(**values)


def test_a_file_of_weights_counts_by_its_content(tmp_path):
    from core.cnn.training import training_id

    dataset = opened(coloured.write(tmp_path / "data", 5), tmp_path)
    file, copy = tmp_path / "a.h5", tmp_path / "b.h5"
    file.write_bytes(b"x")
    copy.write_bytes(b"x")
    asked = TrainConfig(backbone="vgg16", weights=str(file))
    before = training_id(dataset, asked)
    assert training_id(dataset, TrainConfig(backbone="vgg16", weights=str(copy))) == before
    file.write_bytes(b"other")
    assert training_id(dataset, asked) != before


def test_settings_are_not_searched_on_images_that_are_tested_in_another_fold():
    with pytest.raises(InputError, match="search with folds: got 3 with 5, allowed is one of"):
        Study(source_from("digits"), search=3, folds=5)
