from tests.app.support import *
from tests.app.test_progress import *
from tests.app.test_progress import remembered
import numpy as np, json
def test_b(store):
    wanted, job = remembered(store, descriptors=("gray_histogram",), clusterers=("kmeans","kmeans:n_clusters=1000"), reducer="none")
    at = opened("clusters", run=wanted.id)
    print(cached.jobs().wait(job, 60))
    calm(at.run())
    print(said(at))
    print(errors_of(at) if 0 else [e.value for e in at.error])
    asked = cached.comparison(store.runs["flat"])
    for r in cached.results(cached.dataset(asked.source), asked):
        l=np.asarray(cached.array(r.keys.labels,"labels")); print(r.config.descriptor,r.config.clusterer,np.unique(l,return_counts=True),r.metrics["silhouette"])
    at = opened("compare", run=store.runs["odd"])
    print(charts(at)[:6000])
