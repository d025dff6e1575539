"""Train: what a network learns from the open images, and which kind of network does best."""

import streamlit as st

from ui import frame, prepare_form, train_form, training_view

data, dataset = frame.open_data()
split = train_form.outlook(dataset)

with st.expander("Prepare product photos", icon=":material/folder_copy:"):
    prepare_form.show()

study = training_view.opened(data, dataset.source)
if split is not None:
    with train_form.panel(study, dataset):
        asked = train_form.choose(dataset, split)
    if asked is not None:
        training_view.start(data, asked)

training_view.show(data, study)
