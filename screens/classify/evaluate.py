"""Evaluate: how good a trained model is, what it confuses, and where it looks."""

import streamlit as st

from ui import evaluate_images, evaluate_view, model_picker

head = st.container()
now = model_picker.choose()
with head:
    evaluate_view.headline(now)

evaluate_view.curves(now)

images = evaluate_images.of(now.one)
left, right = st.columns([3, 2], gap="large")
with left:
    evaluate_view.confusion(now, images)
with right:
    evaluate_view.report(now)

evaluate_images.mistakes(now, images)
evaluate_view.sureness(now)
evaluate_images.same_image(now, images)
evaluate_view.downloads(now)
