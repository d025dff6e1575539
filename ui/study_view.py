"""What came out of a study: one sentence, a chart, the table, and files to take away."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core import training_plots as plots
from core.cnn import artefact, studies, study_files, study_words, training
from core.cnn.config import Study
from core.cnn.studies import Row
from core.errors import FacetteError
from core.training_plots import StudyRow
from ui import cached, errors, state

EVALUATE = "screens/classify/evaluate.py"
BARE = {"displayModeBar": False}
MOST = 6  # models that Evaluate shows side by side
# Each measure with its head, how it is written, and what it says; of some the least is best.
MEASURES = {
    "validation_accuracy": ("validation", "{:.3f}", "Share of the validation images named right: "
                            "they stop the training and choose the best model."),
    "accuracy": ("test", "{:.3f}", "Share of the test images named right: never seen before."),
    "macro_f1": ("macro F1", "{:.3f}", "Precision and recall in one number, every class counting "
                 "the same."),
    "gap": ("gap", "{:+.3f}", "Accuracy on the training images minus that on the validation "
            "images. A large gap: the images were learnt by heart. Lower is better."),
    "seconds": ("seconds", "{:,.0f}", "What the training cost. Lower is better."),
    "parameters": ("weights", "{:,.0f}", "How many numbers the network has. Lower is better."),
}  # fmt: skip
_TINT = "rgba(0,158,115,.25)"  # as on Compare
_LEAST = ("gap", "seconds", "parameters")


def headline(study: Study, rows: Sequence[Row]) -> None:
    """The sentence on top of a study; of an unfinished one, how much of it there is."""
    missing = len(study.configs()) - len(rows)
    if not rows:
        st.markdown(f"#### {errors.text(study_words.title(study))}")
        return
    words = study_words.verdict(rows, _n_test(rows[0]))
    if missing:
        words = f"{len(rows)} of {len(study.configs())} models are trained. So far: {words}"
    st.markdown(f"#### {errors.text(words)}")


def _n_test(row: Row) -> int:
    try:
        model = artefact.read(training.model_folder(cached.store(), row.models[0]))
        return int(model.metrics.get("n_test", 0))
    except FacetteError:  # it has just been removed
        return 0


def show(study: Study, rows: Sequence[Row]) -> None:
    """Chart, table and files of the models that are trained."""
    if not rows:
        return
    st.plotly_chart(
        plots.study_chart([_charted(row) for row in rows]),
        key=f"study-{study.id}",
        config=BARE,
        alt="Validation, test and training accuracy of every model",
    )
    _table(rows)
    _settings(rows)
    with st.container(horizontal=True):
        if st.button(
            "Look into the models" if len(rows) > 1 else "Look into the model",
            type="primary",
            icon=":material/fact_check:",
            key="study-evaluate",
            help="What they confuse, their worst mistakes, and where they look.",
        ):
            order = sorted(rows, key=lambda row: row is not studies.best(rows))
            state.show_models([row.models[0] for row in order[:MOST]])
            state.go_to(EVALUATE)
        st.download_button(
            study_files.TABLE, lambda: study_files.table_text(rows), study_files.TABLE,
            "text/csv", key="get-study", on_click="ignore", icon=":material/download:",
        )  # fmt: skip


def _charted(row: Row) -> StudyRow:
    mean, spread = row.mean, row.spread
    validation = mean["validation_accuracy"]
    return StudyRow(
        row.config.variant, validation + mean["gap"], validation, mean["accuracy"],
        spread["validation_accuracy"], spread["accuracy"],
    )  # fmt: skip


def _table(rows: Sequence[Row]) -> None:
    """A row a model, the best of each column marked by colour and by a star."""
    table = pd.DataFrame({
        "model": [row.config.variant for row in rows],
        **{name: [row.mean[name] for row in rows] for name in MEASURES},
        "size": [row.config.size for row in rows],
    })  # fmt: skip
    styled = table.style
    for name, (_, form, _) in MEASURES.items():
        values = table[name]
        best = values == (values.min() if name in _LEAST else values.max())
        best &= values.nunique() > 1
        styled = styled.apply(
            lambda _, best=best: [
                f"background-color: {_TINT}; font-weight: 700" if b else "" for b in best
            ],
            subset=[name],
        )
        for i, row in enumerate(rows):
            text = form + (f" ± {row.spread[name]:.3f}" if len(row.models) > 1 else "")
            text = f"★ {text}" if best[i] else text
            styled = styled.format(text, subset=pd.IndexSlice[[i], [name]])
    st.dataframe(styled, hide_index=True, column_config=_heads(), alt="Measures of every model")
    if len(rows) > 1:
        st.caption(
            "★ is the best of its column. The winner is chosen by the validation images; the test "
            "images only judge."
        )


def _heads() -> dict[str, object]:
    heads: dict[str, object] = {"model": st.column_config.TextColumn("model", pinned=True)}
    for name, (label, _, text) in MEASURES.items():
        heads[name] = st.column_config.NumberColumn(label, help=text)
    heads["size"] = st.column_config.NumberColumn("pixels", help="Side of the working image.")
    return heads


def _settings(rows: Sequence[Row]) -> None:
    """What a search has tried."""
    tried = [{"model": row.config.variant, **one} for row in rows for one in row.tried]
    if tried:
        with st.expander(f"Settings that were tried: {len(tried)}"):
            st.dataframe(pd.DataFrame(tried), hide_index=True, alt="Settings and accuracies")


def delete(data: str, study: Study, rows: Sequence[Row]) -> None:
    """Remove the study and its models, after a question."""
    count = sum(len(row.models) for row in rows)
    with st.popover("Delete this study", icon=":material/delete:", type="tertiary"):
        st.markdown(
            f"Remove this study and its {count} trained model{'s' * (count != 1)}? Models that "
            "another study shows too stay."
        )
        st.button(
            "Delete", key=f"delete-{study.id}", on_click=_forget, args=(data, study.id),
        )  # fmt: skip


def _forget(data: str, study_id: str) -> None:
    with errors.shown():
        studies.forget(cached.store(), study_id)
        cached.forget_studies()
        state.set_study(data, "")
