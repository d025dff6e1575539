"""The router, and the frame that every page shares."""

import streamlit as st

from ui import frame

st.set_page_config(page_title="Facette", page_icon=":material/diamond:", layout="wide")
page = st.navigation(
    {
        "Explore": [
            st.Page("pages/explore/data.py", title="Data", icon=":material/photo_library:"),
            st.Page("pages/explore/descriptors.py", title="Descriptors", icon=":material/tune:"),
            st.Page(
                "pages/explore/clusters.py",
                title="Clusters",
                icon=":material/scatter_plot:",
                default=True,
            ),
            st.Page("pages/explore/compare.py", title="Compare", icon=":material/bar_chart:"),
        ]
    }
)
frame.sidebar()
page.run()
