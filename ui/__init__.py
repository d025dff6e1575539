"""What the pages share. Streamlit lives here, in app.py and in screens/, and nowhere else."""
