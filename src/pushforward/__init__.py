"""Draw new samples from a distribution, however it is represented, and say how good they are.

>>> import pushforward as pf
>>> X = pf.load_data("digits").X
>>> pf.Gaussian(random_state=0).fit(X).sample(500).shape
(500, 64)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# The public names and the modules they live in. They are imported when first used: torch alone
# takes seconds, and `pushforward --help` needs none of it.
_PUBLIC = {
    "Autoencoder": "models.autoencoder",
    "compare": "study.compare",
    "copies": "evaluation.copied",
    "detect": "evaluation.detection",
    "figure_metadata": "origin",
    "inspect": "inspection",
    "model_card": "card",
    "provenance": "origin",
    "write_samples": "origin",
    "BiGAN": "models.bi_gan",
    "ConditionalGAN": "models.conditional_gan",
    "ConditionalVAE": "models.conditional_vae",
    "CycleGAN": "models.cycle_gan",
    "InfoGAN": "models.info_gan",
    "Copycat": "classical.copycat",
    "Dataset": "data.dataset",
    "draw_traces": "report.traces",
    "evaluate": "evaluation.evaluate",
    "fit_population": "study.population",
    "forecast": "models.forecast",
    "forecast_comparison": "study.forecast",
    "GAN": "models.gan",
    "Gaussian": "classical.gaussian",
    "GaussianCopula": "classical.copula",
    "glyphs": "data.glyphs",
    "goodness_of_fit": "classical.goodness_of_fit",
    "Independence": "classical.proposals",
    "InverseTransform": "classical.inverse_transform",
    "KernelDensity": "classical.kernel_density",
    "load_data": "data.load",
    "load_domains": "data.domains",
    "load_model": "methods",
    "MaximumLikelihood": "classical.maximum_likelihood",
    "METHODS": "methods",
    "MetropolisHastings": "classical.metropolis_hastings",
    "Mixture": "classical.mixture",
    "ProgressiveGAN": "models.progressive_gan",
    "Sampler": "sampler",
    "SharedAutoencoder": "models.shared_autoencoder",
    "SimGAN": "models.sim_gan",
    "open_data": "data.opened",
    "run_study": "study.study",
    "split": "data.split",
    "SuperResolution": "models.super_resolution",
    "triangles": "data.triangles",
    "TensorBoard": "training.tracking",
    "MLflow": "training.tracking",
    "VAE": "models.vae",
    "WandB": "training.tracking",
    "write_model_report": "report.model_page",
    "write_report": "report.html",
}

if TYPE_CHECKING:
    from pushforward.card import model_card
    from pushforward.classical.copula import GaussianCopula
    from pushforward.classical.copycat import Copycat
    from pushforward.classical.gaussian import Gaussian
    from pushforward.classical.goodness_of_fit import goodness_of_fit
    from pushforward.classical.inverse_transform import InverseTransform
    from pushforward.classical.kernel_density import KernelDensity
    from pushforward.classical.maximum_likelihood import MaximumLikelihood
    from pushforward.classical.metropolis_hastings import MetropolisHastings
    from pushforward.classical.mixture import Mixture
    from pushforward.classical.proposals import Independence
    from pushforward.data.dataset import Dataset
    from pushforward.data.domains import load_domains
    from pushforward.data.glyphs import glyphs
    from pushforward.data.load import load_data
    from pushforward.data.opened import open_data
    from pushforward.data.split import split
    from pushforward.data.triangles import triangles
    from pushforward.evaluation.copied import copies
    from pushforward.evaluation.detection import detect
    from pushforward.evaluation.evaluate import evaluate
    from pushforward.inspection import inspect
    from pushforward.methods import METHODS, load_model
    from pushforward.models.autoencoder import Autoencoder
    from pushforward.models.bi_gan import BiGAN
    from pushforward.models.conditional_gan import ConditionalGAN
    from pushforward.models.conditional_vae import ConditionalVAE
    from pushforward.models.cycle_gan import CycleGAN
    from pushforward.models.forecast import forecast
    from pushforward.models.gan import GAN
    from pushforward.models.info_gan import InfoGAN
    from pushforward.models.progressive_gan import ProgressiveGAN
    from pushforward.models.shared_autoencoder import SharedAutoencoder
    from pushforward.models.sim_gan import SimGAN
    from pushforward.models.super_resolution import SuperResolution
    from pushforward.models.vae import VAE
    from pushforward.origin import figure_metadata, provenance, write_samples
    from pushforward.report.html import write_report
    from pushforward.report.model_page import write_model_report
    from pushforward.report.traces import draw_traces
    from pushforward.sampler import Sampler
    from pushforward.study.compare import compare
    from pushforward.study.forecast import forecast_comparison
    from pushforward.study.population import fit_population
    from pushforward.study.study import run_study
    from pushforward.training.tracking import MLflow, TensorBoard, WandB

__all__ = [
    "GAN",
    "METHODS",
    "VAE",
    "Autoencoder",
    "BiGAN",
    "ConditionalGAN",
    "ConditionalVAE",
    "Copycat",
    "CycleGAN",
    "Dataset",
    "Gaussian",
    "GaussianCopula",
    "Independence",
    "InfoGAN",
    "InverseTransform",
    "KernelDensity",
    "MLflow",
    "MaximumLikelihood",
    "MetropolisHastings",
    "Mixture",
    "ProgressiveGAN",
    "Sampler",
    "SharedAutoencoder",
    "SimGAN",
    "SuperResolution",
    "TensorBoard",
    "WandB",
    "__version__",
    "compare",
    "copies",
    "detect",
    "draw_traces",
    "evaluate",
    "figure_metadata",
    "fit_population",
    "forecast",
    "forecast_comparison",
    "glyphs",
    "goodness_of_fit",
    "inspect",
    "load_data",
    "load_domains",
    "load_model",
    "model_card",
    "open_data",
    "provenance",
    "run_study",
    "split",
    "triangles",
    "write_model_report",
    "write_report",
    "write_samples",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f"pushforward.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module 'pushforward' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
