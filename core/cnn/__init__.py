"""Networks: backbones, training, artefacts, prediction. TensorFlow is imported only when used."""
