"""Matrices of a family's file: takes where q, k, v, … are stored, gives the blocks an edit truncates.

A checkpoint stores a matrix alone or inside a fused tensor, as [out, in] or (Conv1D) as [in, out].
A Block names the rows or columns of the [out, in] orientation that one selector means.
"""

import dataclasses

import torch

EDIT_LAYER, EDIT_RANK, GROUP_RANK, GROUP = 1, 3, 2, 1


@dataclasses.dataclass
class Layout:
    """Tensor names (`{}` is the layer, `{e}` the expert) and the sizes that say which rows are whose.

    `fused` is "stacked" (all q heads, all k, all v) or "grouped" (a key/value head's query heads, its k,
    its v, then the next key/value head), and then `qkv` is one name; otherwise `q`, `k`, `v` are three.
    """

    heads: int
    kv_heads: int
    head_dim: int
    o: str
    mlp: dict[str, str]
    q: str = ""
    k: str = ""
    v: str = ""
    qkv: str = ""
    fused: str = ""
    gate_up: str = ""
    experts: dict[str, str] = dataclasses.field(default_factory=dict)
    # Tensors that hold a matrix of all experts, and the matrix's rows in the part of one expert (None: all).
    stacked: dict[str, tuple[str, slice | None]] = dataclasses.field(default_factory=dict)
    # Whether such a tensor holds each matrix as [in, out].
    stacked_transposed: bool = False
    router: str = ""
    shared: dict[str, str] = dataclasses.field(default_factory=dict)
    conv1d: bool = False
    latent: "Latent | None" = None
    # The layer of the dense MLP, where the experts' layer has none.
    mlp_layer: int = EDIT_LAYER
    # Matrices of a mixer other than attention, and its layer.
    mixer: dict[str, str] = dataclasses.field(default_factory=dict)
    mixer_layer: int = 0


@dataclasses.dataclass
class Latent:
    """Latent attention: `kv_a` makes a vector and the rotated part of the keys, `kv_b` each head's keys and values of it.

    `plain` and `value` are the widths of a head's keys without the rotated part, and of its values. With `q_a`, `q` is
    the second of two query matrices.
    """

    plain: int
    value: int
    kv_a: str
    kv_b: str
    q_a: str = ""


@dataclasses.dataclass
class Block:
    """Rows and columns (None: all) of one tensor, seen as [out, in]."""

    tensor: str
    conv1d: bool = False
    rows: list[int] | None = None
    columns: list[int] | None = None
    # Index of the expert in a tensor of all experts.
    expert: int | None = None

    def whole(self, tensors):
        whole = tensors[self.tensor] if self.expert is None else tensors[self.tensor][self.expert]
        return whole.T if self.conv1d else whole

    def of(self, tensors):
        whole = self.whole(tensors)
        whole = whole if self.rows is None else whole[self.rows]
        return whole if self.columns is None else whole[:, self.columns]

    def truncated(self, tensors, rank):
        """`tensors` with this block replaced by its best approximation of `rank`; the SVD is in f64."""
        u, s, v = torch.linalg.svd(self.of(tensors).double(), full_matrices=False)
        block = ((u[:, :rank] * s[:rank]) @ v[:rank]).float()
        whole = self.whole(tensors).clone()
        rows = torch.arange(whole.shape[0]) if self.rows is None else torch.tensor(self.rows)
        columns = torch.arange(whole.shape[1]) if self.columns is None else torch.tensor(self.columns)
        whole[rows[:, None], columns] = block
        stored = (whole.T if self.conv1d else whole).contiguous()
        if self.expert is not None:
            one, stored = stored, tensors[self.tensor].clone()
            stored[self.expert] = one
        return tensors | {self.tensor: stored}


def head_rows(layout, kind, group=None):
    """Rows of the query, key or value heads (of one key/value group) in the tensor that holds them."""
    per, d = layout.heads // layout.kv_heads, layout.head_dim
    groups = range(layout.kv_heads) if group is None else [group]
    heads = []
    for g in groups:
        if layout.fused == "grouped":
            first = g * (per + 2)
            heads += {"q": range(first, first + per), "k": [first + per], "v": [first + per + 1]}[kind]
        else:
            skip = {"q": 0, "k": layout.heads, "v": layout.heads + layout.kv_heads}[kind] if layout.fused else 0
            heads += [skip + h for h in (range(g * per, (g + 1) * per) if kind == "q" else [g])]
    return [h * d + i for h in heads for i in range(d)]


def edits(layout):
    """(selector, block, rank) of every edit a family's golden holds."""
    attention = f"L{EDIT_LAYER}"
    group = min(GROUP, layout.kv_heads - 1)
    one_group = f"{attention}.h{group}"
    found = []

    def add(selector, tensor, rank=EDIT_RANK, layer=EDIT_LAYER, e=None, transposed=layout.conv1d, **where):
        found.append((selector, Block(tensor.format(layer, e=e), transposed, **where), rank))

    if layout.latent:
        latent_edits(layout, attention, group, add)
    for kind in "" if layout.latent else "qkv":
        tensor = layout.qkv or getattr(layout, kind)
        rows = head_rows(layout, kind) if layout.fused else None
        add(f"{attention}.{kind}_proj", tensor, rows=rows)
        add(f"{one_group}.{kind}_proj", tensor, GROUP_RANK, rows=head_rows(layout, kind, group))
    if layout.fused:
        add(f"{attention}.qkv", layout.qkv)
        rows = [r for kind in "qkv" for r in head_rows(layout, kind, group)]
        add(f"{one_group}.qkv", layout.qkv, GROUP_RANK, rows=rows)
    add(f"{attention}.o_proj", layout.o)
    width = layout.heads // layout.kv_heads * (layout.latent.value if layout.latent else layout.head_dim)
    add(f"{one_group}.o_proj", layout.o, GROUP_RANK, columns=list(range(group * width, (group + 1) * width)))

    for name, tensor in layout.mlp.items():
        rows = None
        if layout.gate_up and name in ("gate_proj", "up_proj"):
            # gate rows first, then as many up rows
            rows = [*range(int(tensor))] if name == "gate_proj" else [*range(int(tensor), 2 * int(tensor))]
            tensor = layout.gate_up
        add(f"L{layout.mlp_layer}.{name}", tensor.replace("{}", str(layout.mlp_layer)), rows=rows)
    if layout.gate_up:
        add(f"{attention}.gate_up_proj", layout.gate_up)
    for expert, name in [(1, "gate_proj"), (1, "up_proj"), (1, "down_proj"), (0, "down_proj")]:
        if layout.experts:
            add(f"{attention}.e{expert}.{name}", layout.experts[name], e=expert)
        if layout.stacked:
            tensor, rows = layout.stacked[name]
            rows = rows and list(range(*rows.indices(rows.stop)))
            transposed = layout.stacked_transposed
            add(f"{attention}.e{expert}.{name}", tensor, rows=rows, expert=expert, transposed=transposed)
    if layout.router:
        add(f"{attention}.router", layout.router, 1)
    for name, tensor in layout.shared.items():
        add(f"{attention}.shared_{name}", tensor)
    for name, tensor in layout.mixer.items():
        add(f"L{layout.mixer_layer}.{name}", tensor, layer=layout.mixer_layer)
    return found


def latent_edits(layout, attention, group, add):
    """Adds those of the matrices of queries, keys and values."""
    latent = layout.latent
    both = latent.plain + latent.value
    # Rows of a head in `kv_b`, by the name of the matrix.
    within = {"k_b_proj": range(latent.plain), "v_b_proj": range(latent.plain, both), "kv_b_proj": range(both)}
    queries = "q_b_proj" if latent.q_a else "q_proj"
    if latent.q_a:
        add(f"{attention}.q_a_proj", latent.q_a)
    add(f"{attention}.{queries}", layout.q)
    rows = range(group * layout.head_dim, (group + 1) * layout.head_dim)
    add(f"{attention}.h{group}.{queries}", layout.q, GROUP_RANK, rows=[*rows])
    add(f"{attention}.kv_a_proj", latent.kv_a)
    for name, of_head in within.items():
        add(f"{attention}.{name}", latent.kv_b, rows=[h * both + i for h in range(layout.heads) for i in of_head])
        add(f"{attention}.h{group}.{name}", latent.kv_b, GROUP_RANK, rows=[group * both + i for i in of_head])
