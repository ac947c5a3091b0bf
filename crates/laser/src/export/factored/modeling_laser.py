"""CLASS with some linear layers as two smaller ones, y = U(Vx) + b. Written by laser; load with trust_remote_code=True."""

import transformers
from torch import nn

Base = transformers.CLASS


class LaserConfig(Base.config_class):
    """The base model's configuration; `laser_factored` has the sizes of the two layers by the path of the module."""

    model_type = "MODEL_TYPE"


class LowRankLinear(nn.Module):
    """A linear layer whose weight is U·V, with V [rank, inputs] and U [outputs, rank]."""

    def __init__(self, inputs, rank, outputs, bias):
        super().__init__()
        self.laser_v = nn.Linear(inputs, rank, bias=False)
        self.laser_u = nn.Linear(rank, outputs, bias=bias)

    def forward(self, x):
        return self.laser_u(self.laser_v(x))


class LaserModel(Base):
    config_class = LaserConfig

    def __init__(self, config, *args, **kwargs):
        super().__init__(config, *args, **kwargs)
        for path, sizes in config.laser_factored.items():
            parent, _, name = path.rpartition(".")
            setattr(self.get_submodule(parent), name, LowRankLinear(**sizes))


try:
    from transformers import conversion_mapping
except ImportError:
    pass  # before version 5, transformers reads the files of every class as they are
else:
    # Version 5 renames the tensors of some classes and types on loading; those of the base model are renamed here too.
    renamings = conversion_mapping.get_checkpoint_conversion_mapping(Base.__name__)
    renamings = renamings or conversion_mapping.get_checkpoint_conversion_mapping(Base.config_class.model_type)
    if renamings:
        conversion_mapping.register_checkpoint_conversion_mapping(LaserConfig.model_type, renamings, overwrite=True)
