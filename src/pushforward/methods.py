"""The one registry of methods: a new method is a row here and is then tested and compared."""

from __future__ import annotations

import importlib
import inspect
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pushforward.errors import FileError, InputError, PushforwardError, did_you_mean
from pushforward.sampler import CODE, FORMAT, FORMAT_VERSION, Sampler, build, restore, try_out
from pushforward.space import BETA_1, Choice, LogUniform, Space, Uniform
from pushforward.storage import read_folder
from pushforward.untrusted import shortly


@dataclass(frozen=True)
class Method:
    """A named, configured sampler."""

    name: str
    where: str  # "module:Class" below pushforward, imported when it is needed
    represented_by: str  # how the distribution is represented
    needs: str
    gives: str  # its capabilities beside `sample`
    paper: str
    default: bool = True  # compared unless others are asked for
    alone: bool = False  # compared by default where there is one column, so nothing to join
    of_images: bool = False  # compared by default where the data are images
    learns: bool = True  # from rows; else a function gives the law
    options: dict[str, Any] = field(default_factory=dict)
    wide: Space = field(default_factory=dict)  # where a study searches, around the options
    narrow: Space = field(default_factory=dict)  # the same, nearer to what is known to work

    @property
    def sampler(self) -> type[Sampler]:
        """The class, imported now."""
        module, name = self.where.split(":")
        return getattr(importlib.import_module(f"pushforward.{module}"), name)

    def make(self, **options: Any) -> Sampler:
        """An unfitted sampler.

        Raises:
            InputError: an option that the method does not have; the message lists those it has.

        >>> METHODS["gan"].make(latent_dim=4)
        GAN(latent_dim=4)
        """
        kind: Callable[..., Sampler] = self.sampler
        known = self.sampler._get_param_names()
        if BETA_1 in options and "betas" in known:
            options = dict(options)
            if "betas" in options:
                raise InputError(f"{self.name}: beta_1 is the first of betas; give one of both")
            first = options.pop(BETA_1)
            options["betas"] = (first, self._usual("betas")[1])
        unknown = [name for name in options if name not in known]
        if unknown:
            raise InputError(
                f"{self.name} has no option {', '.join(map(repr, unknown))}"
                f"{did_you_mean(unknown[0], known)}; "
                f"it has {', '.join(known)}"
            )
        return kind(**(self.options | options))

    def _usual(self, option: str) -> Any:
        """What an option is unless another value is asked for."""
        return self.options.get(option, inspect.signature(self.sampler).parameters[option].default)


# Where Lucic et al. 2018 (arXiv:1711.10337, table 2) search, widely and narrowly. They also switch
# batch norm in the discriminator, which perceptrons here do not have.
WIDE: Space = {"learning_rate": LogUniform(1e-5, 1e-2), BETA_1: Uniform(0, 1)}
NARROW: Space = {"learning_rate": LogUniform(1e-4, 1e-3), BETA_1: Choice((0.5,))}
TURNS: Space = {"n_critic": Choice((1, 5))}
ONE_TURN: Space = {"n_critic": Choice((1,))}
R3_WIDE: Space = {"penalty_weight": LogUniform(1e-3, 10)}  # ours, as all that the study lacks
R3_NARROW: Space = {
    "penalty_weight": LogUniform(0.01, 0.3),
    "learning_rate": LogUniform(3e-4, 3e-3),
    BETA_1: Choice((0.0,)),
}


def adversarial(
    name: str,
    paper: str,
    *,
    wide: Space | None = None,
    narrow: Space | None = None,
    **options: Any,
) -> Method:
    """A GAN of the literature: the options by which it differs from `gan`, with its paper's values.

    Networks, their sizes, the latent dimension and when to stop are those of `gan` for all. Its
    options are searched in the ranges of all GANs and in its own.
    """
    return Method(
        name,
        "models.gan:GAN",
        "samples, adversarial",
        "rows of numbers or a table",
        "",
        paper,
        default=name == RECOMMENDED,
        options=options,
        wide={**WIDE, **TURNS, **(wide or {})},
        narrow={**NARROW, **ONE_TURN, **(narrow or {})},
    )


RECOMMENDED = "r3-drs-gan"  # of the GANs, by bench/modes.py
ADAM: dict[str, Any] = {  # as Radford et al. 2015 and most after them
    "learning_rate": 2e-4,
    "betas": (0.5, 0.999),
}
R3_GAN: dict[str, Any] = {  # γ, rate, decay and rounds are ours: the paper's are for images
    "objective": "relativistic",
    "penalty": "r1+r2",
    "penalty_weight": 0.03,
    "learning_rate": 1e-3,
    "betas": (0.0, 0.99),
    "decay": True,
    "max_rounds": 10_000,  # digits gain nothing from more, narrow modes do
    "patience": 10_000,
    "average": 0.999,
}
# Chosen on digits: without a penalty the encoder and the code fall behind the discriminator.
BI_GAN: dict[str, Any] = {"penalty": "r1", "penalty_weight": 1.0, "learning_rate": 1e-3}
# Chosen on splits of digits and glyphs: categories need a generator that misses no class.
INFO_GAN: dict[str, Any] = R3_GAN | {
    "penalty_weight": 0.1,
    "continuous_weight": 0.3,
    "blur": 1.0,
}
F_GAN = "Nowozin et al. 2016, arXiv:1606.00709"

ROWS = (
    Method(
        "inverse-transform",
        "classical.inverse_transform:InverseTransform",
        "inverse CDF",
        "a quantile function, CDF or density of each column; or rows",
        "",
        "Devroye 1986, chapter 2",
        default=False,
        alone=True,
    ),
    Method(
        "metropolis-hastings",
        "classical.metropolis_hastings:MetropolisHastings",
        "density",
        "a log-density known up to a constant",
        "diagnostics",
        "Metropolis et al. 1953; Hastings 1970",
        default=False,
        learns=False,
    ),
    Method(
        "maximum-likelihood",
        "classical.maximum_likelihood:MaximumLikelihood",
        "samples, parametric",
        "rows of numbers or a table",
        "density, intervals",
        "Fisher 1922; families by BIC, Schwarz 1978",
        default=False,
        alone=True,
    ),
    Method(
        "gaussian",
        "classical.gaussian:Gaussian",
        "samples, parametric",
        "rows of numbers or a table",
        "density",
        "maximum likelihood, Fisher 1922",
        of_images=True,
    ),
    Method(
        "mixture",
        "classical.mixture:Mixture",
        "samples, parametric",
        "rows of numbers or a table",
        "density",
        "EM, Dempster et al. 1977; BIC, Schwarz 1978",
    ),
    Method(
        "copula",
        "classical.copula:GaussianCopula",
        "samples, parametric",
        "rows of numbers or a table",
        "",
        "Sklar 1959; Cario & Nelson 1997",
    ),
    Method(
        "kernel-density",
        "classical.kernel_density:KernelDensity",
        "samples, non-parametric",
        "rows of numbers or a table",
        "density",
        "Parzen 1962",
        of_images=True,
    ),
    Method(
        "autoencoder",
        "models.autoencoder:Autoencoder",
        "samples, latent",
        "rows of numbers or a table",
        "codes",
        "Hinton & Salakhutdinov 2006",
        of_images=True,
        wide=WIDE,
        narrow=NARROW,
    ),
    Method(
        "vae",
        "models.vae:VAE",
        "samples, latent",
        "rows of numbers or a table",
        "codes",
        "Kingma & Welling 2013, arXiv:1312.6114",
        of_images=True,
        wide=WIDE,
        narrow=NARROW,
    ),
    Method(
        "gan",
        "models.gan:GAN",
        "samples, adversarial",
        "rows of numbers or a table",
        "",
        "Goodfellow et al. 2014, arXiv:1406.2661",
        wide={**WIDE, **TURNS},
        narrow={**NARROW, **ONE_TURN},
    ),
    adversarial(
        "mm-gan", "Goodfellow et al. 2014, arXiv:1406.2661, eq. 1", objective="minimax", **ADAM
    ),
    adversarial(
        "ns-gan",
        "Goodfellow et al. 2014, arXiv:1406.2661, section 3",
        objective="non-saturating",
        **ADAM,
    ),
    adversarial("ls-gan", "Mao et al. 2017, arXiv:1611.04076", objective="least-squares", **ADAM),
    *(
        adversarial(f"f-gan-{divergence}", F_GAN, objective=f"f-{divergence}", **ADAM)
        for divergence in (
            "kl",
            "reverse-kl",
            "pearson",
            "neyman",
            "hellinger",
            "jensen-shannon",
            "gan",
        )
    ),
    adversarial(
        "wgan",
        "Arjovsky et al. 2017, arXiv:1701.07875",
        objective="wasserstein",
        clip=0.01,
        n_critic=5,
        warm_up=100,
        batch_size=64,
        optimiser="rmsprop",
        learning_rate=5e-5,
        betas=(0.0, 0.99),
        wide={"clip": LogUniform(1e-3, 1), "optimiser": Choice(("adam",))},
        narrow={"clip": LogUniform(1e-2, 1), "optimiser": Choice(("adam",))},
    ),
    adversarial(
        "wgan-gp",
        "Gulrajani et al. 2017, arXiv:1704.00028",
        objective="wasserstein",
        penalty="gradient",
        penalty_weight=10.0,
        n_critic=5,
        batch_size=64,
        learning_rate=1e-4,
        betas=(0.0, 0.9),
        wide={"penalty_weight": LogUniform(0.1, 100)},
        narrow={"penalty_weight": LogUniform(0.1, 10)},
    ),
    adversarial(
        "ns-gan-gp",
        "Fedus et al. 2017, arXiv:1710.08446",
        objective="non-saturating",
        penalty="gradient",
        penalty_weight=10.0,
        **ADAM,
        wide={"penalty_weight": LogUniform(0.1, 100)},
        narrow={"penalty_weight": LogUniform(0.1, 10)},
    ),
    adversarial(
        "dragan",
        "Kodali et al. 2017, arXiv:1705.07215",
        objective="non-saturating",
        penalty="dragan",
        penalty_weight=10.0,
        learning_rate=1e-4,
        betas=(0.5, 0.999),
        wide={"penalty_weight": LogUniform(0.1, 100)},
        narrow={"penalty_weight": LogUniform(0.1, 10)},
    ),
    adversarial(
        "began",
        "Berthelot et al. 2017, arXiv:1703.10717",
        objective="boundary-equilibrium",
        prior="uniform",
        learning_rate=1e-4,
        betas=(0.5, 0.999),
        wide={"equilibrium": Uniform(0, 1), "equilibrium_rate": LogUniform(1e-4, 1e-2)},
        narrow={"equilibrium": Uniform(0.6, 0.9), "equilibrium_rate": Choice((1e-3,))},
    ),
    adversarial(
        "fisher-gan",
        "Mroueh & Sercu 2017, arXiv:1705.09675",
        objective="fisher",
        n_critic=5,
        **ADAM,
    ),
    adversarial(
        "unrolled-gan",
        "Metz et al. 2017, arXiv:1611.02163",
        objective="minimax",
        unroll=5,
        batch_size=512,
        learning_rate=1e-4,
        betas=(0.5, 0.999),
    ),
    adversarial(
        "pac-gan",
        "Lin et al. 2018, arXiv:1712.04086",
        objective="non-saturating",
        packing=2,
        batch_size=200,
        learning_rate=1e-4,
        betas=(0.8, 0.999),
    ),
    adversarial(
        "hinge-gan",
        "Lim & Ye 2017, arXiv:1705.02894; Miyato et al. 2018, arXiv:1802.05957",
        objective="hinge",
        spectral=True,
        n_critic=5,
        batch_size=64,
        learning_rate=2e-4,
        betas=(0.0, 0.9),
    ),
    adversarial(
        "r3-gan", "Huang et al. 2024, arXiv:2501.05441", wide=R3_WIDE, narrow=R3_NARROW, **R3_GAN
    ),
    adversarial(
        "r3-drs-gan",
        "Azadi et al. 2019, arXiv:1810.06758; Turner et al. 2019: r3-gan with rejection",
        rejection=True,
        wide=R3_WIDE,
        narrow=R3_NARROW,
        **R3_GAN,
    ),
    Method(
        "dc-gan",
        "models.gan:GAN",
        "samples, adversarial",
        "images",
        "",
        "Radford et al. 2016, arXiv:1511.06434",
        default=False,
        of_images=True,
        options={
            "networks": "dcgan",
            "width": 64,
            "latent_dim": 100,
            "prior": "uniform",
            "batch_size": 128,
            **ADAM,
        },
        wide=WIDE,
        narrow=NARROW,
    ),
    Method(
        "progressive-gan",
        "models.progressive_gan:ProgressiveGAN",
        "samples, adversarial",
        "images",
        "",
        "Karras et al. 2018, arXiv:1710.10196",
        default=False,
        of_images=True,
        wide=WIDE,
        narrow=NARROW,
    ),
    Method(
        "conditional-vae",
        "models.conditional_vae:ConditionalVAE",
        "samples, labelled",
        "rows and their labels",
        "codes, by label",
        "Kingma et al. 2014, arXiv:1406.5298; Sohn et al. 2015",
        of_images=True,
        wide=WIDE,
        narrow=NARROW,
    ),
    Method(
        "conditional-gan",
        "models.conditional_gan:ConditionalGAN",
        "samples, labelled",
        "rows and their labels",
        "by label",
        "Mirza & Osindero 2014, arXiv:1411.1784",
        default=False,
        wide=WIDE,
        narrow=NARROW,
    ),
    Method(
        "conditional-r3-gan",
        "models.conditional_gan:ConditionalGAN",
        "samples, labelled",
        "rows and their labels",
        "by label",
        "Huang et al. 2024, arXiv:2501.05441: r3-gan whose players see the label",
        options=R3_GAN,
        wide={**WIDE, **R3_WIDE},
        narrow={**NARROW, **R3_NARROW},
    ),
    Method(
        "bi-gan",
        "models.bi_gan:BiGAN",
        "samples, latent",
        "rows of numbers or a table",
        "codes",
        "Donahue et al. 2017, arXiv:1605.09782; Dumoulin et al. 2017, arXiv:1606.00704",
        default=False,
        options=BI_GAN,
        wide=WIDE,
        narrow=NARROW,
    ),
    Method(
        "alice",
        "models.bi_gan:BiGAN",
        "samples, latent",
        "rows of numbers or a table",
        "codes",
        "Li et al. 2017, arXiv:1709.01215: bi-gan that must also rebuild its rows",
        default=False,
        options=BI_GAN | {"reconstruction_weight": 0.05},
        wide=WIDE,
        narrow=NARROW,
    ),
    Method(
        "info-gan",
        "models.info_gan:InfoGAN",
        "samples, in k clusters",
        "rows of numbers or a table",
        "codes, clusters",
        "Chen et al. 2016, arXiv:1606.03657",
        default=False,
        options=INFO_GAN,
        wide={**WIDE, **R3_WIDE},
        narrow={**NARROW, **R3_NARROW},
    ),
    Method(
        "cycle-gan",
        "models.cycle_gan:CycleGAN",
        "samples, two unpaired",
        "two sets of rows",
        "translations",
        "Zhu et al. 2017, arXiv:1703.10593",
        default=False,
    ),
    Method(
        "sim-gan",
        "models.sim_gan:SimGAN",
        "samples, two unpaired",
        "two sets of images",
        "translations",
        "Shrivastava et al. 2017, arXiv:1612.07828",
        default=False,
    ),
    Method(
        "shared-autoencoder",
        "models.shared_autoencoder:SharedAutoencoder",
        "samples, two with one encoder",
        "two sets of images",
        "codes, swaps",
        "deepfakes/faceswap 2017; the first face swap",
        default=False,
    ),
    Method(
        "super-resolution",
        "models.super_resolution:SuperResolution",
        "samples, upscaled",
        "images",
        "larger images",
        "Ledig et al. 2017, arXiv:1609.04802",
        default=False,
    ),
    Method(
        "copycat",
        "classical.copycat:Copycat",
        "samples, copied",
        "rows of numbers or a table",
        "",
        "a control, not a method",
    ),
)

METHODS: dict[str, Method] = {method.name: method for method in ROWS}


def get_method(name: str) -> Method:
    """The method of that name; an `InputError` with the known ones when there is none.

    >>> get_method("vea")
    Traceback (most recent call last):
    pushforward.errors.InputError: there is no method 'vea' (did you mean 'vae'?); ...
    """
    if name in METHODS:
        return METHODS[name]
    hint = did_you_mean(name, METHODS)
    known = "`pushforward methods` lists all" if hint else f"the methods are {', '.join(METHODS)}"
    raise InputError(f"there is no method {name!r}{hint}; {known}")


EFFORT = ("max_rounds", "patience")  # how long it trains does not make it another method


def name_of(sampler: Sampler) -> str:
    """The registry's name of a sampler, or its class where it is not registered.

    Of several rows with its class it is the one with most options that it agrees with.

    >>> name_of(METHODS["wgan-gp"].make(max_rounds=100))
    'wgan-gp'
    """
    parameters = sampler.get_params(deep=False)
    fitting = [
        method
        for method in ROWS
        if method.where.endswith(f":{type(sampler).__name__}")
        and all(parameters[k] == v for k, v in method.options.items() if k not in EFFORT)
    ]
    if not fitting:
        return type(sampler).__name__
    return max(fitting, key=lambda method: len(method.options)).name


def code_of(path: str | os.PathLike[str]) -> list[str]:
    """The parameters of a saved model that are code, which `load_model` takes again.

    Raises:
        FileError: as `load_model` does.
    """
    description, _ = read_folder(Path(path), format_name=FORMAT, format_version=FORMAT_VERSION)
    parameters = description.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}  # load_model says it better
    return [name for name, value in parameters.items() if value == CODE]


def load_model(path: str | os.PathLike[str], *, device: str | None = None, **code: Any) -> Sampler:
    """Read a model folder that `save` wrote: the same seed draws the same samples.

    Args:
        path: the folder.
        device: where a neural model is trained if it is fitted again; None keeps what was saved.
        code: the parameters of the model that are code, by name, e.g. `log_prob=f`: a file names
            them and never holds or imports them.

    Raises:
        FileError: the folder is missing, damaged, truncated, foreign or of a newer format.
        InputError: its method is not known here, or it was fitted with other code.

    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model = METHODS["gaussian"].make().fit(np.random.default_rng(0).normal(size=(50, 2)))
    ...     loaded = load_model(model.save(f"{folder}/model"))
    >>> bool((loaded.sample(3, random_state=0) == model.sample(3, random_state=0)).all())
    True
    """
    description, tree = read_folder(Path(path), format_name=FORMAT, format_version=FORMAT_VERSION)
    for method in ROWS:  # make the built-in classes known, by our own list and not by the file
        if method.where.endswith(f":{description.get('class')}"):
            method.sampler  # noqa: B018
    sampler = _rebuilt(Path(path), description, tree, code)
    if device is not None and "device" in sampler.get_params():
        sampler.set_params(device=device)
    return sampler


def _rebuilt(path: Path, description: dict[str, Any], tree: Any, code: dict[str, Any]) -> Sampler:
    """The fitted sampler, tried out; all that can be wrong with the files is a `FileError`."""
    what_to_do = "take a whole copy of the model"
    try:
        sampler = build(description, code)
    except FileError as error:
        raise FileError(f"{path}/model.json is damaged: {error}; {what_to_do}") from error
    try:
        about = description.get("about", {})
        if not isinstance(about, dict):
            raise FileError(f"expected a note of names and values, got {about!r:.80}")
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of numbers out of range, before they are refused
            restore(sampler, tree)
            if not code:  # what is code runs when it is asked to
                try_out(sampler)
    except Exception as error:
        # Where anything may be damaged anything may be raised, and memory may not suffice.
        message = shortly(error) if isinstance(error, PushforwardError) else repr(error)[:200]
        raise FileError(
            f"{path}/model.json is damaged: its parts do not fit together ({message}); {what_to_do}"
        ) from error
    sampler.about_ = about
    return sampler
