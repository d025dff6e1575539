"""Compare: which descriptor wins, by how much, at what cost."""

import streamlit as st

from core import words
from ui import compare_charts, compare_table, downloads, earlier, errors, fit_view, frame

now = frame.current()

st.markdown(f"### {errors.text(words.winner(now.dataset, now.results))}")
compare_charts.explain(now)
compare_charts.bars(now)
compare_table.show(now)

result = compare_charts.choose(now)
left, right = st.columns(2, gap="large")
with left:
    compare_charts.contingency(now, result)
with right:
    compare_charts.silhouettes(now, result)
fit_view.show(result)
compare_charts.time_and_quality(now)
downloads.show(now, result)
earlier.show(now)
