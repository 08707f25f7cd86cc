"""Who proposes the options of a trial, once more: a sampler of Optuna, by ask and tell."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from pushforward.errors import FileError, InputError, PushforwardError
from pushforward.methods import METHODS
from pushforward.space import BETA_1, Choice, LogUniform, Range, Space, Whole
from pushforward.study.folder import short_hash
from pushforward.study.plan import derived
from pushforward.study.searchers import Searcher

JOURNAL = "optuna.journal"
MARK, NUMBER, CONFIG = "trial", "number", "config"  # attributes of ours in a storage

# A new sampler for each trial, from the seed of the study and that of the trial, so that nothing
# but what is stored decides its options. Points of a sequence need one scrambling for all.
SAMPLERS: dict[str, Callable[[Any, int, int], Any]] = {
    "tpe": lambda s, _, seed: s.TPESampler(seed=seed, constant_liar=True),
    "gp": lambda s, _, seed: s.GPSampler(seed=seed),
    "cma-es": lambda s, _, seed: s.CmaEsSampler(seed=seed, warn_independent_sampling=False),
    "qmc": lambda s, study, seed: s.QMCSampler(
        seed=study,
        scramble=True,
        independent_sampler=s.RandomSampler(seed=seed),
        warn_independent_sampling=False,
    ),
}
PACKAGES = {"gp": "torch", "cma-es": "cmaes"}  # that Optuna imports for them


class OptunaSearch(Searcher):
    """A sampler of Optuna proposes, and learns from all trials that are finished.

    The lines of the run folder are the truth and the storage follows: finished trials that it does
    not know are told again, and those that a killed study left running are failed. A number means
    the options that were first proposed for it. With one batch at a time the options of a study are
    decided by its seed, also if it was killed and goes on; with several they depend on which of
    them ends first.

    Args:
        search: "tpe", "gp", "cma-es" or "qmc".
        storage: the URL of a database; None takes a journal file in `folder`.
        run: the configuration of the study, which names it in the storage.

    Raises:
        InputError: a sampler or a URL that cannot be used, or that lacks a package.
        FileError: a storage that cannot be opened or holds something else.

    Akiba et al. 2019, arXiv:1907.10902.
    """

    def __init__(
        self,
        search: str,
        method: str,
        space: Space,
        seed: int,
        storage: str | None,
        run: dict[str, Any],
        folder: Path,
    ) -> None:
        check_sampler(search)
        self.optuna, self.sqlalchemy = _optuna()
        self.search, self.method, self.space, self.seed = search, method, space, seed
        self.distributions = {name: self._distribution(each) for name, each in space.items()}
        self.where = str(folder / JOURNAL) if storage is None else _without_password(storage)
        self.remedy = "see that it can be reached and written, and holds nothing else"
        if storage is None:
            self.remedy = "if it is damaged, delete it: it is made again from the finished trials"
        with self._in_storage():
            self.study = self.optuna.create_study(
                study_name=f"{method}-{short_hash(run)}",
                storage=self._open(storage, folder),
                direction="minimize",
                load_if_exists=True,
            )
            self._check_own(run)
            self.known: dict[str, int] = {}  # Optuna's numbers of trials by what they are of ours
            self.first: dict[int, dict[str, Any]] = {}  # options by number
            self._recall()
        self.resumed = False

    def ask(self, number: int) -> dict[str, Any]:
        states = self.optuna.trial.TrialState
        with self._in_storage():
            if not self.resumed:
                self._fail_stale()
            self.resumed = True
            if number == 0:  # is told when it is done, where the registry's options are in range
                return {}
            if number not in self.first:
                self.study.sampler = self._sampler(number)
                trial = self.study.ask(self.distributions)
                options = self._options(trial.params)
                trial.set_user_attr(NUMBER, number)
                trial.set_user_attr(MARK, _mark(number, options))
                self._recall()
            elif self._state(_mark(number, self.first[number])) == states.FAIL:
                self._add(number, self.first[number], states.RUNNING)
            return self.first[number]

    def tell(self, number: int, options: dict[str, Any], value: float | None) -> None:
        states = self.optuna.trial.TrialState
        if value is not None and math.isnan(value):
            value = None
        state = states.FAIL if value is None else states.COMPLETE
        with self._in_storage():
            mark = _mark(number, options)
            known = self._state(mark)
            if known == states.RUNNING:
                self.study.tell(self.known[mark], value, state=state)
            elif known is None or (known == states.FAIL and value is not None):
                self._add(number, options, state, value)  # or another study here took it for stale

    def _open(self, storage: str | None, folder: Path) -> Any:
        storages = self.optuna.storages
        if storage is None:
            # A lock that a killed process left is broken after a while. That by links is not where
            # the path is relative, and links are not possible everywhere.
            file = str(folder / JOURNAL)
            lock = storages.journal.JournalFileOpenLock(file)
            return storages.JournalStorage(storages.journal.JournalFileBackend(file, lock_obj=lock))
        if "://" not in storage:
            raise InputError(
                f"expected the URL of a database, such as sqlite:///study.db, got {storage!r}"
            )
        try:
            return storages.RDBStorage(storage)
        except (ImportError, ValueError, self.sqlalchemy.exc.ArgumentError) as error:
            raise InputError(
                f"{self.where} cannot be used as the URL of a database: {error}"
            ) from error

    def _check_own(self, run: dict[str, Any]) -> None:
        wanted = json.loads(json.dumps(run, sort_keys=True, default=str))
        found = self.study.user_attrs.get(CONFIG)
        if found is None and not self.study.trials:
            self.study.set_user_attr(CONFIG, wanted)
        elif found != wanted:
            different = [k for k in wanted if not found or found.get(k) != wanted[k]]
            raise FileError(
                f"{self.where} holds another study of the name {self.study.study_name} (different: "
                f"{', '.join(different)}); choose another storage"
            )

    def _sampler(self, number: int) -> Any:
        seed = derived(self.seed, number, f"options of {self.method}")
        of_study = derived(self.seed, 0, f"search of {self.method}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", self.optuna.exceptions.ExperimentalWarning)
            return SAMPLERS[self.search](self.optuna.samplers, of_study, seed)

    def _fail_stale(self) -> None:
        """Trials that run, though none has been asked for yet: a killed study left them."""
        states = self.optuna.trial.TrialState
        for trial in self.study.get_trials(deepcopy=False, states=(states.RUNNING,)):
            self.study.tell(trial.number, state=states.FAIL)

    def _recall(self) -> None:
        """What the storage knows of our trials; one without attributes was never handed out."""
        for trial in self.study.get_trials(deepcopy=False):
            if MARK in trial.user_attrs:
                self.known[trial.user_attrs[MARK]] = trial.number
                if number := trial.user_attrs[NUMBER]:
                    self.first.setdefault(number, self._options(trial.params))

    def _state(self, mark: str) -> Any:
        """How far a trial is in the storage, None if it is not there."""
        if mark not in self.known:
            return None
        return self.study.get_trials(deepcopy=False)[self.known[mark]].state

    def _add(
        self, number: int, options: dict[str, Any], state: Any, value: float | None = None
    ) -> None:
        """A trial that the storage does not know in that state."""
        params = self._params(options if number else self._usual())
        if params is None:  # it taught nothing about the ranges
            return
        attributes = {NUMBER: number, MARK: _mark(number, options)}
        self.study.add_trial(
            self.optuna.trial.create_trial(
                state=state,
                value=value,
                params=params,
                distributions=self.distributions,
                user_attrs=attributes,
            )
        )
        self._recall()

    def _usual(self) -> dict[str, Any]:
        """The options of the method as it is registered, which trial 0 has."""
        usual = METHODS[self.method].make().get_params(deep=False)
        if "betas" in usual:
            usual[BETA_1] = usual["betas"][0]
        return {name: usual[name] for name in self.space}

    def _distribution(self, each: Range) -> Any:
        kinds = self.optuna.distributions
        if isinstance(each, Choice):
            return kinds.CategoricalDistribution(_names(each))
        if isinstance(each, Whole):
            return kinds.IntDistribution(int(each.low), int(each.high))
        low, high = float(each.low), float(each.high)  # type: ignore[attr-defined]
        if isinstance(each, LogUniform):
            return kinds.FloatDistribution(low, high, log=True)
        return kinds.FloatDistribution(low, math.nextafter(high, low))  # the upper end is outside

    def _options(self, params: dict[str, Any]) -> dict[str, Any]:
        """What Optuna calls values, as the values."""
        options = {}
        for name, each in self.space.items():
            value = params[name]
            if isinstance(each, Choice):
                value = each.values[_names(each).index(value)]
            options[name] = value
        return options

    def _params(self, options: dict[str, Any]) -> dict[str, Any] | None:
        """Values as Optuna calls them; None if one is out of its range."""
        params = {}
        for name, each in self.space.items():
            value = options[name]
            if isinstance(each, Choice):
                same = [k for k, v in enumerate(each.values) if _json(v) == _json(value)]
                if not same:
                    return None
                value = _names(each)[same[0]]
            else:
                number = isinstance(value, (int, float)) and not isinstance(value, bool)
                distribution = self.distributions[name]
                if not (number and distribution._contains(value)):
                    return None
            params[name] = value
        return params

    @contextmanager
    def _in_storage(self) -> Iterator[None]:
        """Optuna says nothing meanwhile, and what goes wrong in its storage is said in words."""
        logging = self.optuna.logging
        level = logging.get_verbosity()
        logging.set_verbosity(logging.ERROR)
        try:
            yield
        except PushforwardError:
            raise
        except (
            self.optuna.exceptions.OptunaError,
            self.sqlalchemy.exc.SQLAlchemyError,
            OSError,
            json.JSONDecodeError,
            UnicodeDecodeError,
        ) as error:
            raise FileError(
                f"{self.where}: Optuna cannot use this storage ({error}); {self.remedy}"
            ) from error
        finally:
            logging.set_verbosity(level)


def _names(choice: Choice) -> list[Any]:
    """What Optuna calls the values: themselves where it can store them, or else their text."""
    return [
        v if v is None or isinstance(v, (bool, int, float, str)) else repr(v) for v in choice.values
    ]


def _json(value: Any) -> str:
    return json.dumps(value, default=str)


def _mark(number: int, options: dict[str, Any]) -> str:
    """Which trial of ours it is, with which options."""
    return f"{number}-{short_hash(options)}"


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if "@" in rest else url


def check_sampler(search: str) -> None:
    """Refuse the name of a sampler that Optuna does not have, or that lacks a package."""
    if search not in SAMPLERS:
        raise InputError(
            f"expected a search among random, {', '.join(SAMPLERS)}, got {search!r}; all but "
            "random are Optuna's"
        )
    if search in PACKAGES:
        try:
            import_module(PACKAGES[search])
        except ImportError:
            raise InputError(
                f"search={search!r} needs the package {PACKAGES[search]}; "
                f"`pip install {PACKAGES[search]}`"
            ) from None


def _optuna() -> tuple[Any, Any]:
    try:
        import optuna
        import sqlalchemy
    except ImportError:
        raise InputError(
            "this search needs Optuna, which is not installed; `pip install 'pushforward[study]'`"
        ) from None
    return optuna, sqlalchemy
