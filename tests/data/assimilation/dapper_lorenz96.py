"""Make dapper_lorenz96.json: RMSE of DAPPER's filters on Lorenz-96, the setting of Sakov & Oke 2008 (40 variables).

    pip install dapper==1.7.1 && python dapper_lorenz96.py

Every number is the mean over SEEDS of the time average of the analysis RMSE after the burn-in.
"""

import json
from pathlib import Path

import dapper
import dapper.da_methods as da
import numpy as np
from dapper.mods.Lorenz96.sakov2008 import HMM

SEEDS = range(4)
T = 500.0  # 10,000 cycles of 0.05
CASES = {
    "stochastic": lambda: da.EnKF("PertObs", N=40, infl=1.06),
    "square_root": lambda: da.EnKF("Sqrt", N=40, infl=1.02, rot=False),
    "local": lambda: da.LETKF(N=12, infl=1.04, rot=False, loc_rad=4),
}


def main() -> None:
    HMM.tseq.T = T
    HMM.tseq.BurnIn = 20.0
    found = {}
    for name, make in CASES.items():
        errors = []
        for seed in SEEDS:
            dapper.set_seed(1000 + seed)
            truth, observed = HMM.simulate()
            method = make()
            method.assimilate(HMM, truth, observed)
            method.stats.average_in_time()
            errors.append(float(method.avrgs.rmse.a.val))
        found[name] = {"rmse": float(np.mean(errors)), "of_seeds": errors}
        print(name, found[name], flush=True)
    about = {"dapper": dapper.__version__, "T": T, "burn_in": 20.0, "cases": found}
    Path(__file__).with_suffix(".json").write_text(json.dumps(about, indent=1) + "\n")


if __name__ == "__main__":
    main()
