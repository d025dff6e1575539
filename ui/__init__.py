"""What the pages share. Streamlit lives here, in app.py and in pages/, and nowhere else."""
