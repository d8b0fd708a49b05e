"""What the simulated economies produce, consume and pay after each outer iteration."""

from __future__ import annotations

import lightning
import torch

SHOWN = ("Y", "C", "r")  # beside K, of what an economy accounts for; their units are in its `variables`


class Aggregates(lightning.Callback):
    """Means of assets (capital, where households own all of it), output, consumption and the return over the simulated
    economies, those of all processes, under the averaged policy, and the standard deviation of capital between them.
    """

    @torch.no_grad()
    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        economy, panel = module.economy, trainer.datamodule.panel
        accounts = module.averaged.period(panel).accounts
        K = accounts[economy.tracked]
        measures = {"mean_K": K.mean()} | ({"sd_K": K.std()} if len(K) > 1 else {})
        measures |= {f"mean_{name}": accounts[name].mean() for name in SHOWN if name in accounts}
        module.measures |= {f"aggregates/{name}": float(value) for name, value in measures.items()}
