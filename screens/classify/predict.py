"""Predict: show a trained model an image; it names the class, and says why."""

import streamlit as st

from ui import evaluate_images, model_picker, predict_batch, predict_input, predict_view

head = st.container()
left, right = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
with left:
    judged = model_picker.choose_one(predict_view.PROMISE)
with head:
    predict_view.headline(judged)
images = evaluate_images.of(judged)
with right:
    way = predict_input.choose_way(images)

asked = predict_input.given(way, judged, images)
if len(asked) == 1:
    predict_view.answer(judged, images, asked[0])
elif asked:
    opened = predict_batch.table(judged, asked)
    if opened is not None:
        predict_view.answer(judged, images, opened)

predict_view.address(judged)
