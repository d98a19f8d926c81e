"""Low-rank adapters: a fine-tuned model as a small file beside the model it came from.

Fine-tuning changes a weight matrix W into W + D. Where D is written as a product B·A of two
thin matrices, only A and B are trained and kept (LoRA; Hu et al. 2022). Merged into W they
cost nothing at run time. Two shipped models are kept in this way: the assistant beside the
base language model, and the masked language model beside the encoder. Used in lessons 03, 08.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workshop_lib.errors import BadInputError

if TYPE_CHECKING:
    import torch

A, B = ".lora_A", ".lora_B"


def attach(model: torch.nn.Module, names: list[str], rank: int) -> None:
    """Freeze a model and give each named weight matrix a trainable low-rank change.

    At first each change is zero, so the model computes what it computed before.

    Args:
        model: the model, changed in place.
        names: names of matrices as ``model.named_parameters()`` gives them.
        rank: number of columns of B and rows of A; smaller is a smaller file.

    Raises:
        BadInputError: a name isn't the name of a matrix of the model.
    """
    from torch.nn.utils import parametrize

    for parameter in model.parameters():
        parameter.requires_grad = False
    for name in names:
        module, weight = _find(model, name)
        parametrize.register_parametrization(module, weight, _low_rank(getattr(module, weight), rank))


def changes(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return what was trained: A and B of each attached matrix, and other trained parameters."""
    found = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        name = name.replace("parametrizations.", "")
        name = name.removesuffix(".0.A") + A if name.endswith(".0.A") else name
        name = name.removesuffix(".0.B") + B if name.endswith(".0.B") else name
        found[name] = parameter.detach()
    return found


def merge(model: torch.nn.Module, file: Path) -> None:
    """Add the changes in a safetensors file to the weights of a model, in place.

    A pair ``NAME.lora_A`` (rank, n), ``NAME.lora_B`` (m, rank) adds B·A to the matrix NAME of
    shape (m, n). A tensor ``NAME`` replaces the parameter NAME; a tensor ``NAME.rows`` replaces
    the rows whose numbers are in ``NAME.row_ids``.

    Raises:
        BadInputError: the file doesn't fit the model.
    """
    import torch
    from safetensors.torch import load_file

    tensors = {name: tensor.float() for name, tensor in load_file(file).items()}
    parameters = dict(model.named_parameters(remove_duplicate=False))
    with torch.no_grad():
        for name, tensor in tensors.items():
            target = next((name.removesuffix(end) for end in (B, ".rows") if name.endswith(end)), name)
            if name.endswith((A, ".row_ids")):
                continue
            if target not in parameters:
                raise BadInputError(
                    f"The adapter {file} changes '{target}', which the model hasn't. "
                    "Load it together with the model that it was trained on."
                )
            if name.endswith(B):
                parameters[target] += tensor @ tensors[target + A]  # Shape: (m, n)
            elif name.endswith(".rows"):
                parameters[target][tensors[target + ".row_ids"].long()] = tensor
            else:
                parameters[target].copy_(tensor)


def _find(model: torch.nn.Module, name: str) -> tuple[torch.nn.Module, str]:
    path, _, weight = name.rpartition(".")
    try:
        module = model.get_submodule(path)
        matrix = getattr(module, weight)
    except AttributeError:
        matrix = None
    if matrix is None or matrix.ndim != 2:
        raise BadInputError(
            f"'{name}' isn't a weight matrix of the model. "
            "Take names from model.named_parameters() whose parameter has two dimensions."
        )
    return module, weight


def _low_rank(matrix: torch.Tensor, rank: int) -> torch.nn.Module:
    import torch

    rows, columns = matrix.shape

    class LowRank(torch.nn.Module):
        """W → W + B·A."""

        def __init__(self) -> None:
            super().__init__()
            self.A = torch.nn.Parameter(torch.randn(rank, columns) / columns**0.5)
            self.B = torch.nn.Parameter(torch.zeros(rows, rank))

        def forward(self, weight: torch.Tensor) -> torch.Tensor:
            return weight + self.B @ self.A  # Shape: (rows, columns)

    return LowRank()
