"""The router, and the frame that every page shares."""

import streamlit as st

from ui import frame

st.set_page_config(
    page_title="Facette", page_icon="ui/gem.svg", layout="wide", initial_sidebar_state=240
)
page = st.navigation(
    {
        "Explore": [
            st.Page("screens/explore/data.py", title="Data", icon=":material/photo_library:"),
            st.Page("screens/explore/descriptors.py", title="Descriptors", icon=":material/tune:"),
            st.Page(
                "screens/explore/clusters.py",
                title="Clusters",
                icon=":material/scatter_plot:",
                default=True,
            ),
            st.Page("screens/explore/compare.py", title="Compare", icon=":material/bar_chart:"),
        ],
        "Classify": [
            st.Page("screens/classify/train.py", title="Train", icon=":material/school:"),
            st.Page("screens/classify/evaluate.py", title="Evaluate", icon=":material/fact_check:"),
            st.Page("screens/classify/predict.py", title="Predict", icon=":material/label:"),
        ],
    }
)
frame.sidebar()
page.run()
