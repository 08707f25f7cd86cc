"""Chains leave their law invariant; what they learn is frozen; a walk gone on with is one walk."""

import re
import time

import numpy as np
import pytest
import torch
from scipy import stats

import pushforward as pf
from pushforward.classical import metropolis_hastings
from pushforward.classical.metropolis_hastings import MetropolisHastings
from pushforward.classical.proposals import (
    Given,
    Hamiltonian,
    Independence,
    RandomWalk,
    normals,
)
from pushforward.classical.target import Target
from pushforward.classical.walk import noise_of, step
from pushforward.errors import DataWarning, FileError, InputError, NotConverged, TrainingWarning
from pushforward.storage import read_file

COVARIANCE = np.array([[1.0, 1.2, 0.0], [1.2, 4.0, -0.5], [0.0, -0.5, 0.25]])
PRECISION = np.linalg.inv(COVARIANCE)
MEAN = np.array([1.0, -2.0, 30.0])
SD = np.sqrt(np.diag(COVARIANCE))


def named(value):
    """An id without addresses of objects, the same in every process."""
    return re.sub(r"<(\w+ )?([\w.]+)[^>]*>", r"\2", str(value))


def normal(x):
    return -0.5 * np.einsum("ij,jk,ik->i", x - MEAN, PRECISION, x - MEAN)


def normal_torch(x):
    z = x - torch.tensor(MEAN)
    return -0.5 * ((z @ torch.tensor(PRECISION)) * z).sum(1)


def short(log_prob=normal, p=3, **options):
    """A fit of a fraction of a second, quiet about chains that have not quite mixed."""
    known = {"n_chains": 20, "n_warmup": 200, "n_draws": 200, "random_state": 0}
    return MetropolisHastings(log_prob, n_features=p, **(known | options))


quiet = pytest.mark.filterwarnings("ignore:the chains (have not|disagree)")


# --- the kernel ---------------------------------------------------------------------------------

LAW = np.array([0.1, 0.35, 0.05, 0.3, 0.2])
Q = np.random.default_rng(3).dirichlet(np.ones(5), size=5)  # of no symmetry at all
Q_SYMMETRIC = (np.roll(np.eye(5), 1, axis=1) + np.roll(np.eye(5), -1, axis=1)) / 2


def discrete(x):
    return np.log(LAW)[x[:, 0].astype(int)]


class Jump:
    """A proposal on the states 0 to 4 by a stochastic matrix."""

    def __init__(self, matrix):
        self.matrix = matrix

    def draw(self, x, rng):
        cumulative = self.matrix.cumsum(1)[x[:, 0].astype(int)]
        return (rng.random(len(x))[:, None] > cumulative).sum(1)[:, None]


class WithDensity(Jump):
    def log_density(self, to, given):
        with np.errstate(divide="ignore"):
            return np.log(self.matrix[given[:, 0].astype(int), to[:, 0].astype(int)])


class Symmetric(Jump):
    symmetric = True


def exact_matrix(q):
    """P_ij = q_ij min(1, π_j q_ji / (π_i q_ij)) for i ≠ j; what is left stays."""
    flow = LAW[:, None] * q
    moves = np.minimum(flow, flow.T) / LAW[:, None]
    np.fill_diagonal(moves, 0)
    return moves + np.diag(1 - moves.sum(1))


def one_step(proposal, states, seed=0):
    kernel, x = Given(proposal), states[:, None].astype(float)
    target = Target(discrete, x)
    state = target(x.copy())
    ((noise, log_u),) = noise_of(kernel, x.shape, seed, 0, 1)
    step(kernel, target, state, noise, log_u)
    np.testing.assert_array_equal(state.log_prob, discrete(state.x))
    return state.x[:, 0].astype(int)


@pytest.mark.parametrize(
    "proposal", [Symmetric(Q_SYMMETRIC), WithDensity(Q), WithDensity(Q_SYMMETRIC)]
)
def test_transitions_are_those_of_the_exact_matrix_which_leaves_the_law_invariant(proposal):
    P = exact_matrix(proposal.matrix)
    np.testing.assert_allclose(LAW @ P, LAW, atol=1e-15)
    n = 20_000
    after = one_step(proposal, np.repeat(np.arange(5), n)).reshape(5, n)
    counts = np.array([np.bincount(row, minlength=5) for row in after])
    error = np.sqrt(n * P * (1 - P)) + 1e-9
    assert (np.abs(counts - n * P) / error).max() < 4.5


def test_a_false_claim_of_symmetry_would_be_seen():
    P = exact_matrix(Q)
    after = one_step(Symmetric(Q), np.repeat(np.arange(5), 20_000)).reshape(5, 20_000)
    found = np.array([np.bincount(row, minlength=5) / 20_000 for row in after])
    assert np.abs(found - P).max() > 0.05
    assert np.abs(LAW @ found - LAW).max() > 0.01


def test_the_law_of_many_chains_stays_what_it_is():
    states = np.random.default_rng(0).choice(5, 100_000, p=LAW)
    for seed in range(3):
        states = one_step(WithDensity(Q), states, seed)
    assert stats.chisquare(np.bincount(states, minlength=5), 100_000 * LAW).pvalue > 1e-3


@pytest.mark.parametrize(
    "kernel",
    [
        RandomWalk(0.8, np.linalg.cholesky(COVARIANCE)),
        Hamiltonian(0.9, np.linalg.cholesky(COVARIANCE)),
        Hamiltonian(0.3, SD, n_leapfrog=5, jitter=True),
        Hamiltonian(0.4, np.ones(()), n_leapfrog=3),
        Given(
            Independence(
                lambda n, rng: MEAN + 1.5 * SD * rng.standard_t(5, (n, 3)),
                lambda x: stats.t.logpdf((x - MEAN) / (1.5 * SD), 5).sum(1),
            )
        ),
    ],
    ids=["random walk", "mala", "hmc, jittered", "hmc", "independence"],
)
def test_every_kernel_leaves_a_normal_invariant(kernel):
    n, factor = 40_000, np.linalg.cholesky(COVARIANCE)
    x = MEAN + np.random.default_rng(1).standard_normal((n, 3)) @ factor.T
    log_prob = normal_torch if kernel.needs_gradient else normal
    target = Target(log_prob, x[:2], gradient=kernel.needs_gradient)
    state = target(x.copy())
    moves = 0
    for noise, log_u in noise_of(kernel, x.shape, 7, 0, 4):
        moved, _ = step(kernel, target, state, noise, log_u)
        moves += moved.mean()
    assert 0.1 < moves / 4 < 0.99
    white = np.linalg.solve(factor, (state.x - MEAN).T)
    for z in white:
        assert stats.kstest(z, "norm").pvalue > 1e-3
    np.testing.assert_allclose(np.cov(white), np.eye(3), atol=4.5 * np.sqrt(2 / n))
    np.testing.assert_allclose(state.log_prob, normal(state.x), rtol=1e-9, atol=1e-9)


def test_one_leapfrog_step_is_the_langevin_proposal_with_its_densities():
    rng = np.random.default_rng(0)
    factor, eps = np.linalg.cholesky(COVARIANCE), 0.7
    x, z = MEAN + rng.standard_normal((6, 3)), rng.standard_normal((6, 3))

    def drifted(x):
        return x + 0.5 * eps**2 * (-(x - MEAN) @ PRECISION) @ COVARIANCE

    def log_q(to, given):
        law = stats.multivariate_normal(np.zeros(3), eps**2 * COVARIANCE)
        return law.logpdf(to - drifted(given))

    target = Target(normal_torch, x, gradient=True)
    candidate, correction = Hamiltonian(eps, factor).propose(target, target(x), (z, 1))
    np.testing.assert_allclose(candidate.x, drifted(x) + eps * z @ factor.T)
    np.testing.assert_allclose(correction, log_q(x, candidate.x) - log_q(candidate.x, x))


def test_normals_are_normal():
    z = normals(np.random.default_rng(0), (3, 33_333, 1))
    assert z.shape == (3, 33_333, 1)
    assert z.dtype == np.float32
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-3
    assert abs(stats.kurtosis(z.ravel())) < 0.1
    assert stats.spearmanr(z.ravel()[:-1], z.ravel()[1:]).pvalue > 1e-3


def test_noise_is_a_function_of_the_step_alone():
    kernel = RandomWalk(1.0, np.ones(()))
    whole = list(noise_of(kernel, (3, 2), 5, 0, 200))
    for start, stop in ((0, 1), (63, 65), (150, 200)):
        part = list(noise_of(kernel, (3, 2), 5, start, stop))
        assert len(part) == stop - start
        for (z, log_u), (z_whole, log_u_whole) in zip(part, whole[start:stop], strict=True):
            np.testing.assert_array_equal(z, z_whole)
            np.testing.assert_array_equal(log_u, log_u_whole)


# --- whole fits ---------------------------------------------------------------------------------


class Uniform:
    """A symmetric proposal of one's own."""

    symmetric = True

    def draw(self, x, rng):
        return x + rng.uniform(-1, 1, x.shape) * 1.5 * SD


@quiet
@pytest.mark.parametrize(
    "options",
    [
        {"covariance": "dense"},
        {"covariance": "diagonal", "n_draws": 2000},
        {"covariance": "identity", "n_draws": 4000},
        {"dtype": "float32"},
        {"log_prob": normal_torch, "proposal": "mala"},
        {"log_prob": normal_torch, "proposal": "hmc"},
        {"proposal": Uniform(), "n_draws": 3000},
        {"n_chains": 1, "n_draws": 5000},
        {"thin": 5},
    ],
    ids=named,
)
def test_moments_are_right_within_their_error(options):
    sampler = short(**({"n_draws": 1000, "n_warmup": 500} | options)).fit()
    found = sampler.diagnostics_
    assert (np.abs(found.mean - MEAN) / found.mcse_mean).max() < 4.5
    relative = np.sqrt(2 / np.minimum(found.ess_bulk, found.ess_tail))  # of a variance
    assert (np.abs(found.sd**2 / np.diag(COVARIANCE) - 1) / relative).max() < 6
    rows = sampler.draws_.reshape(-1, 3)
    correlation = np.corrcoef(rows.T)[0, 1]
    assert correlation == pytest.approx(0.6, abs=6 * float(relative.max()))


@quiet
def test_warm_up_finds_the_scale_and_the_acceptance_that_is_best():
    sampler = short(n_warmup=1000, n_draws=500).fit()
    learnt = sampler._run.kernel.factor @ sampler._run.kernel.factor.T
    np.testing.assert_allclose(learnt, COVARIANCE, rtol=0.35, atol=0.15)
    assert sampler.acceptance_.mean() == pytest.approx(0.234 + 0.206 / 3, abs=0.05)
    assert sampler.step_size_ == pytest.approx(2.38 / np.sqrt(3), rel=0.3)
    for proposal, wanted in (("mala", 0.574), ("hmc", 0.8)):
        acceptance = short(normal_torch, proposal=proposal, n_warmup=600).fit().acceptance_
        assert acceptance.mean() == pytest.approx(wanted, abs=0.07)


@quiet
@pytest.mark.parametrize("proposal", ["random-walk", "mala"])
def test_after_warm_up_the_kernel_is_frozen(proposal):
    log_prob = normal_torch if proposal == "mala" else normal
    sampler = short(log_prob, proposal=proposal).fit()
    kernel, draws = sampler._run.kernel, sampler.draws_
    target = Target(log_prob, draws[0], gradient=kernel.needs_gradient)
    state = target(draws[0].copy())
    noise = noise_of(kernel, draws.shape[1:], sampler.seed_, 201, 400)
    for expected, (z, log_u) in zip(draws[1:], noise, strict=True):
        step(kernel, target, state, z, log_u)
        np.testing.assert_array_equal(state.x, expected)


@quiet
def test_the_acceptance_is_the_share_of_steps_that_moved():
    sampler = short().fit()
    moved = (np.diff(sampler.draws_, axis=0) != 0).any(2).mean(0)
    np.testing.assert_allclose(sampler.acceptance_, moved, atol=1 / 199)


@quiet
@pytest.mark.parametrize(
    ("log_prob", "cdf"),
    [
        (lambda x: -x[:, 0] - np.exp(-x[:, 0]), stats.gumbel_r.cdf),
        (lambda x: np.where(x[:, 0] > 0, -x[:, 0], -np.inf), stats.expon.cdf),
        (lambda x: -2 * np.log1p(x[:, 0] ** 2 / 3), stats.t(3).cdf),
    ],
    ids=["gumbel", "exponential", "t"],
)
def test_thinned_samples_pass_kolmogorov_smirnov(log_prob, cdf):
    sampler = short(log_prob, p=1, n_chains=50, n_draws=2000).fit()
    drawn = sampler.sample(1000, random_state=0)[:, 0]
    assert stats.kstest(drawn, cdf).pvalue > 1e-3
    assert 900 < sampler.sample_ess_ <= 1000
    neighbours = drawn.reshape(20, 50)
    assert stats.spearmanr(neighbours[:-1].ravel(), neighbours[1:].ravel()).pvalue > 1e-3


@quiet
def test_samples_repeat_and_leave_the_chains_where_they_are():
    sampler = short(n_draws=1000).fit()
    before, x = sampler.draws_.copy(), sampler._run.state.x.copy()
    drawn = sampler.sample(50, random_state=1)
    np.testing.assert_array_equal(drawn, sampler.sample(50, random_state=1))
    assert not np.isin(drawn, sampler.sample(50, random_state=2)).any()
    np.testing.assert_array_equal(sampler.draws_, before)
    np.testing.assert_array_equal(sampler._run.state.x, x)
    assert sampler.sample(3, random_state=0).shape == (3, 3)


# --- going on -----------------------------------------------------------------------------------


def variants():
    yield {"proposal": "random-walk", "thin": 3}
    yield {"proposal": "random-walk", "covariance": "diagonal", "dtype": "float32"}
    yield {"log_prob": normal_torch, "proposal": "hmc", "n_draws": 40}
    yield {"proposal": Uniform()}


def assert_same_run(a, b):
    np.testing.assert_array_equal(a.draws_, b.draws_)
    np.testing.assert_array_equal(a.acceptance_, b.acceptance_)
    assert a.step_size_ == b.step_size_
    np.testing.assert_array_equal(a._run.state.log_prob, b._run.state.log_prob)


@quiet
@pytest.mark.parametrize("options", list(variants()), ids=named)
def test_extending_is_one_longer_run_also_after_loading(options, tmp_path):
    n = options.get("n_draws", 150)
    whole = short(**(options | {"n_draws": 2 * n})).fit()
    part = short(**(options | {"n_draws": n})).fit()
    code = {"log_prob": part.log_prob}
    if not isinstance(part.proposal, str):
        code["proposal"] = part.proposal
    loaded = pf.load_model(part.save(tmp_path / "model"), **code)
    assert_same_run(loaded, part)
    assert_same_run(part.extend(n - 7).extend(7), whole)
    assert_same_run(loaded.extend(n), whole)


@quiet
def test_loaded_it_draws_the_same_and_its_file_holds_no_code(tmp_path):
    sampler = short(n_draws=800).fit()
    path = sampler.save(tmp_path / "model")
    assert "normal" not in (path / "model.json").read_text().replace("normal_", "")
    loaded = pf.load_model(path, log_prob=normal)
    np.testing.assert_array_equal(
        loaded.sample(30, random_state=4), sampler.sample(30, random_state=4)
    )
    with pytest.raises(InputError, match=r"load_model\(path, log_prob=\.\.\.\)"):
        pf.load_model(path)


@quiet
@pytest.mark.parametrize("options", list(variants()), ids=named)
@pytest.mark.parametrize("share", [0.2, 0.7])
def test_an_interrupted_fit_goes_on_bit_for_bit(options, share, tmp_path, monkeypatch):
    monkeypatch.setattr(metropolis_hastings, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(metropolis_hastings, "SAVE_SHARE", np.inf)
    monkeypatch.setattr(metropolis_hastings, "keep_twice", every(9, metropolis_hastings.keep_twice))
    calls = Counted(options.get("log_prob", normal))
    whole = short(**(options | {"log_prob": calls, "n_warmup": 100, "n_draws": 60})).fit()
    interrupted = Counted(calls.function, stop=int(share * calls.n))
    path = tmp_path / "checkpoint"
    again = {"n_warmup": 100, "n_draws": 60}
    with pytest.raises(KeyboardInterrupt):
        short(**(options | again | {"log_prob": interrupted})).fit(checkpoint=path)
    done = read_file(path)["parts"]["run"]["steps"]
    assert 0 < done < 100 + 60 * options.get("thin", 1)
    interrupted.stop = None
    resumed = short(**(options | again | {"log_prob": interrupted})).fit(checkpoint=path)
    assert interrupted.n < (1 + 0.9 * share) * calls.n  # it did not begin anew
    assert_same_run(resumed, whole)
    with pytest.raises(FileError, match="another run"):
        short(**(options | again | {"random_state": 1})).fit(checkpoint=path)


class Counted:
    """A log_prob that counts its calls, and is interrupted at one of them."""

    def __init__(self, function, stop=None):
        self.function, self.stop, self.n = function, stop, 0

    def __call__(self, x):
        self.n += 1
        if self.n == self.stop:
            raise KeyboardInterrupt
        return self.function(x)


def every(n, write):
    """`write`, but only each n-th time."""
    calls = iter(range(1, 1_000_000))
    return lambda *args: write(*args) if next(calls) % n == 0 else None


@quiet
def test_a_budget_that_is_over_keeps_what_there_is_or_says_so():
    def slow(x):
        time.sleep(0.002)
        return normal(x)

    with pytest.raises(NotConverged, match=r"budget was over after .* of which 200 are warm-up"):
        short(slow).fit(budget=0.01)
    with pytest.warns(TrainingWarning, match="budget was over after"):
        sampler = short(slow, n_warmup=0, n_draws=10_000).fit(budget=0.2)
    assert 4 <= len(sampler.draws_) < 10_000
    assert np.isfinite(sampler.draws_).all()


# --- what is told -------------------------------------------------------------------------------


def two_modes(x):
    return np.logaddexp(-0.5 * (x[:, 0] - 30) ** 2, -0.5 * (x[:, 0] + 30) ** 2)


def test_chains_in_far_modes_disagree():
    X = np.array([[-30.0], [30.0], [-31.0], [31.0]])
    with pytest.warns(TrainingWarning, match=r"the chains disagree, R̂ is .* in coordinate x0"):
        sampler = short(two_modes, p=1).fit(X)
    with pytest.raises(NotConverged, match=r"the chains disagree.*jumps between"):
        sampler.sample(10)


def test_chains_that_stick_are_named():
    with pytest.warns(TrainingWarning, match="20 of 20 chains stick.*smaller step_size"):
        sampler = short(step_size=1e9, covariance="identity").fit()
    with pytest.raises(NotConverged, match="20 of 20 chains stick"):
        sampler.sample(1)


@quiet
def test_chains_that_start_at_one_point_are_told():
    with pytest.warns(DataWarning, match=r"20 chains start at 1 different point\(s\)"):
        short().fit(np.tile(MEAN, (5, 1)))


def test_chains_that_have_not_quite_mixed_are_told_in_fit_and_in_sample():
    with pytest.warns(TrainingWarning, match="not quite mixed"):
        sampler = short(n_draws=600).fit()
    with pytest.warns(TrainingWarning, match=r"not quite mixed.*extend\(600\)"):
        sampler.sample(1)


@quiet
def test_starts_outside_the_support():
    def positive(x):
        with np.errstate(invalid="ignore"):
            return np.where((x > 0).all(1), -x.sum(1), -np.inf)

    sampler = short(positive, p=2).fit()
    assert (sampler.draws_ > 0).all()
    with pytest.warns(DataWarning, match="chains would start outside the support"):
        short(positive, p=2).fit(np.random.default_rng(0).normal(size=(30, 2)))
    with pytest.raises(InputError, match=r"-inf .* at all starts"):
        short(positive, p=2).fit(-np.ones((30, 2)) - np.arange(30)[:, None])
    with pytest.raises(InputError, match=r"-inf .* at all starts"):
        short(lambda x: np.full(len(x), -np.inf), p=2).fit()


@quiet
def test_a_frame_of_starts_gives_names_and_frames():
    import pandas as pd

    X = pd.DataFrame(MEAN + np.random.default_rng(0).normal(size=(30, 3)), columns=["a", "b", "c"])
    sampler = short(p=None, n_draws=800).fit(X)
    assert sampler.diagnostics_.names == ("a", "b", "c")
    assert list(sampler.sample(3, random_state=0).columns) == ["a", "b", "c"]
    with pytest.raises(InputError, match=r"columns of numbers for log_prob, \['d'\] are not"):
        short(p=None).fit(X.assign(d="text"))
    with pytest.raises(InputError, match="n_features = 2 columns, got 3"):
        short(p=2).fit(X)


@quiet
def test_summary_is_the_table():
    assert short().fit().summary().split()[:6] == [
        "mean", "sd", "mcse", "ess_bulk", "ess_tail", "r_hat",
    ]  # fmt: skip


class OneRow:
    def __call__(self, x):
        return -0.5 * x @ np.eye(3) @ x


@pytest.mark.parametrize(
    ("log_prob", "words"),
    [
        (OneRow(), "works on one row at a time: vectorise it"),
        (lambda x: -0.5 * (x**2).sum(), r"shape \(20,\).*got \(\).*one row at a time"),
        (lambda x: -0.5 * (x**2), r"got \(20, 3\)"),
        (lambda x: np.full(len(x), np.nan), "log_prob gave nan at"),
        (lambda x: np.full(len(x), np.inf), "log_prob gave inf at"),
        (lambda x: x.nonsense, "called with a NumPy array: AttributeError"),
        (None, "expected log_prob to be a function"),
        (lambda x: x.__isub__(1).sum(1), "changed the rows it was given"),
    ],
)
def test_a_log_prob_that_cannot_be_used(log_prob, words):
    with pytest.raises(InputError, match=words):
        short(log_prob).fit()


def test_nan_on_the_way_is_told_with_the_place():
    def broken(x):
        return np.where(np.abs(x[:, 0]) < 8, -0.5 * (x**2).sum(1) / 25, np.nan)

    with pytest.raises(InputError, match=r"log_prob gave nan at .*-inf outside"):
        short(broken).fit()


def test_gradients_need_torch():
    with pytest.raises(InputError, match="that torch can differentiate"):
        short(proposal="hmc").fit()


class NoDensity:
    def draw(self, x, rng):
        return x + rng.exponential(size=x.shape)


class WrongShape(Uniform):
    def draw(self, x, rng):  # noqa: ARG002
        return rng.normal(size=3)


class WrongDensity(NoDensity):
    def log_density(self, to, given):  # noqa: ARG002
        return np.full(len(to), -np.inf)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"proposal": NoDensity()}, r"log_density\(to, given\).*symmetric = True"),
        ({"proposal": object()}, r"a proposal with draw\(x, rng\)"),
        ({"proposal": WrongShape()}, r"finite rows of shape \(20, 3\)"),
        ({"proposal": WrongDensity()}, "do not belong together"),
        ({"proposal": "gibbs"}, "expected proposal among 'random-walk', 'mala', 'hmc'"),
        ({"covariance": "full"}, "expected covariance among"),
        ({"dtype": "int8"}, "expected dtype among"),
        ({"step_size": 0}, "step_size"),
        ({"n_chains": 0}, "n_chains"),
        ({"n_draws": 3}, "at least 4"),
        ({"n_warmup": -1}, "n_warmup"),
        ({"thin": 1.5}, "thin"),
        ({"jitter": "no"}, "jitter"),
        ({"n_draws": 10**9}, "2 GB, got .* GB.*larger thin"),
        ({"n_features": None}, "n_features"),
    ],
    ids=named,
)
def test_what_cannot_be_is_told_in_words(options, words):
    with pytest.raises(InputError, match=words):
        short().set_params(**options).fit()
