"""Networks on the Descriptors page: shown when asked for, empty until they have learnt."""

from __future__ import annotations

from core import tasks
from core.jobs import job_name
from core.runs import Comparison
from tests.app.support import calm, charts, opened, said, settled
from ui import cached

PROMISE = "run it once, then its loss and reconstructions stand here"


def names_asked() -> list[str]:
    """Every descriptor that some job was asked to explain."""
    found = (j for j in cached.jobs()._jobs.values() if j.task == "explain")
    return [name for job in found for name in job.arguments["descriptors"]]


def test_a_network_is_shown_when_picked_and_learns_when_asked(store):
    at = opened("descriptors", run=store.runs["flat"])
    assert "Sees" in said(at)
    assert PROMISE not in said(at)
    assert "autoencoder" not in names_asked()
    at.pills(key="networks-seen").set_value(["autoencoder"])
    calm(at.run())
    assert PROMISE in said(at)
    assert "autoencoder" not in names_asked(), "nothing to draw, so no worker is bothered"
    calm(at.button(key="learn-autoencoder").click().run())
    data = cached.dataset(cached.comparison(store.runs["flat"]).source)
    asked = Comparison(data.source, descriptors=("autoencoder",))
    job = job_name("compare", {"comparison": asked.to_json()})
    assert cached.jobs().get(job) is not None
    assert PROMISE not in said(at)
    assert cached.jobs().wait(job, 240).status == "done"
    assert cached.store().has(tasks.learnt_key(data, "autoencoder"))
    settled(calm(at.run()))
    assert "Learnt from 28 images" in said(at)
    assert "validation loss" in charts(at)
