"""Chapter 09's ablation: the VAE–GAN for several weights λ of its adversarial term, with several seeds.

    python -m course_utils hybrid                       # what is missing of 5 weights × 4 seeds, on COURSE_DATA
    python -m course_utils hybrid --lams 0.01 --seeds 0 1 2 --steps 300
    python -m course_utils hybrid --report              # the table of what has been recorded

Each run is written to hybrid.json, beside expected.json, when it ends; after an interruption the same command goes on.
"""

import argparse
import datetime
import json
import platform
import time
from pathlib import Path

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from course_utils import files, pretrained, results, schedule
from course_utils.data import Images, batches, load_images
from course_utils.game import fading_adam
from course_utils.taught import evaluation, vae
from course_utils.taught.dcgan import DCGAN, slope_penalty
from course_utils.taught.vae_gan import ConvVAE, SilentCode, hybrid_update, stop_if_silent

RECORDS = Path(__file__).parents[1] / "hybrid.json"
LAMS = (0.0, 0.01, 0.1, 0.3, 1.0)
STEPS, BATCH, RATE, PRICE = 500, 32, 2e-3, 0.5  # a third of the chapter's short schedule, else the same


def fit(digits: Images, lam: float, seed: int, steps: int, warm_up: int = 0, beta: float = 1.0):
    """Train one hybrid: the averaged model, the history of its losses, the step at which it was stopped or None."""
    schedule.seed_everything(seed)
    model, discriminator = ConvVAE().to(schedule.device()), DCGAN(28, 1, 16, 20, refine=1).discriminator
    discriminator = discriminator.to(schedule.device())
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.99), use_buffers=True)
    adam_vae, fade_vae = fading_adam(model, RATE, steps)
    adam_d, fade_d = fading_adam(discriminator, RATE, steps)
    history, stopped = {}, None
    for step, x in enumerate(batches(digits.train, BATCH, steps=steps, seed=seed, quiet=True)):
        penalty = 8 * PRICE / 2 * slope_penalty(discriminator, 2 * x - 1) if step % 8 == 7 else 0.0
        weight = lam if step >= warm_up else 0.0
        losses = hybrid_update(model, discriminator, adam_vae, adam_d, x, weight, penalty, beta)
        fade_vae.step()
        fade_d.step()
        averaged.update_parameters(model)
        for name, value in losses.items():
            history.setdefault(name, []).append(value.item())
        try:
            stop_if_silent(history["KL"])
        except SilentCode:
            stopped = stopped or step + 1  # told, and trained on, so that the table has a row for it
    return averaged.module, history, stopped


def roughness(losses: list[float]) -> float:
    """Mean change from step to step in the last quarter, divided by the mean there."""
    last = torch.tensor(losses[-(len(losses) // 4) :], dtype=torch.float64)
    return (last.diff().abs().mean() / last.mean()).item()


def measure(model, digits: Images, reference, classifier) -> dict[str, float]:
    """Mean squared error and KL on test pictures, scores of as many invented pictures as there are in `reference`."""
    with schedule.evaluating(model), torch.random.fork_rng():
        torch.manual_seed(0)
        codes = torch.randn(len(reference), model.latent_dim).to(reference.device)
        drawn = torch.cat([model.decode(part).sigmoid() for part in codes.split(1000)])
        mu, logvar = model.encode(digits.test)
        rebuilt = torch.cat([model.decode(part).sigmoid() for part in mu.split(1000)])
        kl = vae.kl_to_standard_normal(mu, logvar).mean().item()
    mse = (rebuilt - digits.test).square().mean().item()
    return {"mse": mse, "kl": kl, **evaluation.score(drawn, reference, classifier)._asdict()}


def records() -> list[dict]:
    return json.loads(RECORDS.read_text(encoding="utf-8")) if RECORDS.exists() else []


def report(runs: list[dict]) -> str:
    lines = ["data      λ      steps  warm-up  seed  MSE         KL  inception  Fréchet  stopped  CPU s"]
    for run in sorted(runs, key=lambda run: [run[key] for key in ("data", "lam", "steps", "warm_up", "seed")]):
        lines.append(
            f"{run['data']:9s} {run['lam']:<5g} {run['steps']:6d} {run['warm_up']:8d} {run['seed']:5d}"
            f"  {run['mse']:.4f}  {run['kl']:6.2f}  {run['inception_score']:9.2f}  {run['frechet']:7.0f}"
            f"  {run['stopped'] or '–':>7}  {run['seconds']:5.0f}"
        )
    return "\n".join(lines if len(lines) > 1 else ["Nothing has been recorded yet."])


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m course_utils hybrid", description=__doc__.split("\n\n")[0])
    parser.add_argument("--lams", type=float, nargs="+", default=LAMS, help="weights of the adversarial term")
    parser.add_argument("--seeds", type=int, nargs="+", default=range(4), help="seeds (default 0 1 2 3)")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"steps of one training (default {STEPS})")
    parser.add_argument("--warm-up", type=int, default=0, help="steps in which only the discriminator hears itself")
    parser.add_argument("--beta", type=float, default=1.0, help="weight of the KL term (default 1)")
    parser.add_argument("--report", action="store_true", help="only print what has been recorded")
    args = parser.parse_args(argv)
    if not args.report:
        digits = load_images("mnist")
        classifier, reference = pretrained.load(f"classifier-{digits.source}"), pretrained.reference(digits)
        for seed in args.seeds:
            for lam in args.lams:
                key = {"data": digits.source, "lam": lam, "steps": args.steps, "warm_up": args.warm_up}
                key |= {"beta": args.beta, "seed": seed}
                if any(key.items() <= run.items() for run in records()):
                    continue
                begun = time.process_time()
                model, history, stopped = fit(digits, lam, seed, args.steps, args.warm_up, args.beta)
                run = key | {"seconds": round(time.process_time() - begun, 1), "stopped": stopped}
                run |= {name: round(one, 5) for name, one in measure(model, digits, reference, classifier).items()}
                run["roughness"] = {name: round(roughness(losses), 4) for name, losses in history.items()}
                run |= {"date": datetime.date.today().isoformat(), "versions": results.versions()}
                run |= {"machine": f"{platform.system()} {platform.machine()}, {schedule.device().type}"}
                files.write(RECORDS, json.dumps([*records(), run], indent=1) + "\n")
                print(report([run]).splitlines()[1], flush=True)
    print(report(records()))
    return 0
