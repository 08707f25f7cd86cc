"""Losses recorded once as a flat list of tensor operations, then replayed turn after turn.

A turn is differentiated by `torch.func`, over all members of a population at once, and recorded as
one graph of operations. What two players both compute (a generated batch) is found there and
computed once; what only reshapes is dropped; a sum and a matrix product become one operation. What
is left costs its matrix products, and little beside them, while the losses stay plain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch._guards import TracingContext, tracing
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call, functionalize, grad_and_value, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.node import map_arg

from pushforward.training.game import Game, Loss, Player, Tensors, Terms, logged

Node = Any  # torch.fx.Node: its arguments are typed as a union of twenty types
aten: Any = torch.ops.aten

Move = Callable[..., None]  # given the gradients of what a player owns, in the order of `owned`


class Turn:
    """One turn of each of `players` on one batch, for K members at once.

    Between two players' parts of the recording stands the first one's `move`, so that the second
    sees the moved parameters. Parameters and buffers are read where they are, and buffers written
    there: what calls it passes a batch `(K, n, ...)` and its noise.

    Raises:
        RuntimeError: an operation in a loss cannot be batched over members.
    """

    def __init__(
        self,
        game: Game,
        players: Sequence[Player],
        parameters: Tensors,
        buffers: Tensors,
        batch: tuple[Tensor, Tensors],
        moves: dict[str, Move],
        carried: dict[str, list[str]],
    ) -> None:
        owned = [list(game.owned(player)) for player in players]
        # A parameter is another one after a move: (name, how often it has been moved), and the
        # number of the move that made it so. So are the buffers that are an optimiser's own.
        moving = parameters | {name: buffers[name] for names in carried.values() for name in names}
        buffers = {name: tensor for name, tensor in buffers.items() if name not in moving}
        made = {(name, 0): 0 for name in moving}
        version = dict.fromkeys(moving, 0)
        seen: list[list[tuple[str, int]]] = [list(version.items())]  # before each move, and after
        for number, player in enumerate(players, start=1):
            for name in [*owned[number - 1], *carried[player.name]]:
                version[name] += 1
                made[name, version[name]] = number
            seen.append(list(version.items()))
        x, noise = batch
        self.terms: list[tuple[str, str]] = []
        self.written: list[str] = []

        def play(*flat: Tensor) -> list[Tensor]:
            values = iter(flat)
            states = {key: next(values) for key in made}
            kept = before = {name: next(values) for name in buffers}
            rows, drawn = next(values), {name: next(values) for name in noise}
            gradients: list[Tensor] = []
            terms: dict[tuple[str, str], Tensor] = {}
            changed: Tensors = {}
            for i, player in enumerate(players):
                now = 0 if game.simultaneous else i
                state = {name: states[name, v] for name, v in seen[now]}
                mine = {name: state.pop(name) for name in owned[i]}
                theirs = before if game.simultaneous else kept
                slope, loss = _differentiate(game, player)(mine, state, theirs, rows, drawn)
                slopes = [slope[name] for name in owned[i]]
                gradients += slopes
                norms = [g.norm() for g in slopes]
                terms |= {(player.name, k): value for k, value in logged(loss, norms).items()}
                moved = {name: states[name, v] for name, v in seen[i + 1]}
                update = _Update(game), _prefixed(moved | kept), (player.name, loss.outputs)
                new = functional_call(*update)
                kept, changed = kept | new, changed | new
            self.terms, self.written = list(terms), list(changed)
            return [*gradients, *terms.values(), *changed.values()]

        held = [*(moving[name] for name, _ in made), *buffers.values()]
        example = [tensor.detach() for tensor in (*held, x, *noise.values())]
        # One fake mode for all shapes that are noted: without it there would be one for each, which
        # takes two fifths of the recording.
        shapes = tracing(TracingContext(FakeTensorMode(allow_fallback_kernels=True)))
        with torch.no_grad(), shapes:
            recorded = make_fx(functionalize(vmap(play)))(*example)
        if any(node.target is aten.copy_.default for node in recorded.graph.nodes):
            raise RuntimeError(
                "a loss writes into a buffer, as batch normalisation does: only `update` may, for "
                "members to be batched"
            )
        after = [*made.values(), *(0 for _ in example[len(made) :])]
        self.held = [tensor.detach() for tensor in held]
        self.buffers = [buffers[name] for name in self.written]
        in_order = [(moves[player.name], len(owned[i])) for i, player in enumerate(players)]
        self.graph = _interleave(_lean(recorded.graph), after, in_order)
        self.program = fx.GraphModule(nn.Module(), self.graph).forward

    @torch.no_grad()
    def __call__(self, x: Tensor, noise: Tensors) -> dict[str, Terms]:
        """Play it, and return what each player logs, `(K,)`."""
        values = self.program(*self.held, x, *noise.values())
        for buffer, value in zip(self.buffers, values[len(self.terms) :], strict=True):
            buffer.copy_(value)
        played: dict[str, Terms] = {}
        for (player, term), value in zip(self.terms, values, strict=False):
            played.setdefault(player, {})[term] = value
        return played


class _Update(nn.Module):
    """`Game.update` where `functional_call` finds it."""

    def __init__(self, game: Game) -> None:
        super().__init__()
        self.game = game

    def forward(self, player: str, outputs: Tensors) -> Tensors:
        return self.game.update(player, outputs)


def _prefixed(state: Tensors) -> Tensors:
    return {f"game.{name}": value for name, value in state.items()}


def _differentiate(game: Game, player: Player) -> Callable[..., tuple[Tensors, Loss]]:
    """Gradient of the sum of a player's terms with respect to what it owns, and the loss."""

    def total(mine: Tensors, theirs: Tensors, buffers: Tensors, x: Tensor, noise: Tensors) -> Any:
        loss = functional_call(game, mine | theirs | buffers, (player.name, x, noise))
        first, *rest = loss.terms.values()
        return sum(rest, first), (loss.terms, loss.outputs)

    def differentiate(*arguments: Any) -> tuple[Tensors, Loss]:
        gradient, (_, aux) = grad_and_value(total, has_aux=True)(*arguments)
        return gradient, Loss(*aux)

    return differentiate


def _interleave(
    graph: fx.Graph, after: Sequence[int], moves: Sequence[tuple[Move, int]]
) -> fx.Graph:
    """The graph in stages, each player's move between its own and the next.

    `after` says for each input how many moves it is there after; a move takes so many gradients,
    the first outputs of the graph.
    """
    stage: dict[Node, int] = {}
    inputs = iter(after)
    for node in graph.nodes:
        needed = max((stage[n] for n in node.all_input_nodes), default=0)
        stage[node] = next(inputs) if node.op == "placeholder" else needed
    output: Node = graph.output_node()
    results = iter(output.args[0])
    staged = fx.Graph()
    copy: dict[Node, Node] = {}

    def add(nodes: Iterator[Node]) -> None:
        for node in nodes:
            copy[node] = staged.node_copy(node, copy.__getitem__)

    add(n for n in graph.nodes if n.op == "placeholder")
    inner = [n for n in graph.nodes if n.op not in ("placeholder", "output")]
    for number, (move, count) in enumerate(moves):
        add(n for n in inner if stage[n] == number)
        staged.call_function(move, tuple(copy[next(results)] for _ in range(count)))
    add(n for n in inner if stage[n] == len(moves))  # of buffers, which see the last move
    staged.output([copy[node] for node in results])
    return staged


def _lean(recorded: fx.Graph) -> fx.Graph:
    """The graph without what is computed twice or changes nothing, and with fused operations."""
    lean = fx.Graph()
    copy: dict[Node, Node] = {}
    known: dict[Any, Node] = {}
    for node in recorded.nodes:
        args, kwargs = map_arg((node.args, node.kwargs), copy.__getitem__)
        key = (node.target, repr(args), repr(kwargs))
        same = _unchanged(node.target, args, node.meta) or known.get(key)
        if same is None:
            same = lean.create_node(node.op, node.target, args, kwargs)
            same.meta = node.meta
            if node.op == "call_function":
                known[key] = same
        copy[node] = same
    lean.eliminate_dead_code()
    for fuse in (_add_in_product, _outer_product, _activate_in_place):
        for node in lean.nodes:
            if node.op == "call_function":
                fuse(lean, node)
        lean.eliminate_dead_code()
    return lean


def _shape(node: Node) -> torch.Size:
    return node.meta["val"].shape


def _unchanged(target: Any, args: tuple[Any, ...], meta: dict[str, Any]) -> Node | None:
    """The argument that an operation gives back as it is."""
    if target in (aten.expand.default, aten.view.default, aten._unsafe_view.default):
        return args[0] if _shape(args[0]) == meta["val"].shape else None
    if target is aten.mul.Scalar:
        return args[0] if args[1] == 1 else None
    if target is aten.transpose.int:  # twice is nothing
        twice = args[0].target is target and args[0].args[1:] == args[1:]
        return args[0].args[0] if twice else None
    return None


def _add_in_product(graph: fx.Graph, node: Node) -> None:
    """b + A·B in one operation, for a row b."""
    if node.target is not aten.add.Tensor or node.kwargs:
        return
    for row, product in (node.args, node.args[::-1]):
        alone = isinstance(product, fx.Node) and product.target is aten.bmm.default
        if (
            alone
            and len(product.users) == 1
            and isinstance(row, fx.Node)
            and row.meta["val"].dim() == 3
            and _shape(product) == _shape(node)
        ):
            _replace(graph, node, aten.baddbmm.default, (row, *product.args))
            return


def _outer_product(graph: fx.Graph, node: Node) -> None:
    """A product over a dimension of one is an outer product, which multiplying does faster."""
    if node.target is aten.bmm.default and _shape(node.args[0])[2] == 1:
        _replace(graph, node, aten.mul.Tensor, node.args)


def _activate_in_place(graph: fx.Graph, node: Node) -> None:  # noqa: ARG001
    """An activation whose derivative is known from its result needs no second array."""
    name = IN_PLACE.get(node.target)
    before = node.args[0]
    if name is None or not (isinstance(before, fx.Node) and before.target in PRODUCTS):
        return
    back = [u for u in before.users if u.target is aten.leaky_relu_backward.default]
    if {*back, node} != set(before.users) or any(u.args[1] is not before for u in back):
        return
    if back and not node.args[1] > 0:  # the sign of the result is then not that of what went in
        return
    for user in back:
        user.args = (user.args[0], node, user.args[2], True)
    node.target = name


PRODUCTS = (aten.bmm.default, aten.baddbmm.default)  # their results are arrays of their own
IN_PLACE = {
    aten.relu.default: aten.relu_.default,
    aten.leaky_relu.default: aten.leaky_relu_.default,
}


def _replace(graph: fx.Graph, node: Node, target: Any, args: tuple[Any, ...]) -> None:
    with graph.inserting_before(node):
        other = graph.call_function(target, args)
    other.meta = node.meta
    node.replace_all_uses_with(other)
