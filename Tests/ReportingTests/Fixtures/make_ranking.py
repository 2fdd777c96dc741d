"""Areas under ROC and precision-recall curves by scikit-learn, for RankingTests. Made with scikit-learn 1.x and NumPy:

    python make_ranking.py > ranking.json
"""
import json
import sys

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

random = np.random.default_rng(7)
# Two decimals: many scores are equal, as float32 has them too.
truths = random.random(60) < 0.4
scores = np.round(np.clip(random.normal(0.4 + 0.25 * truths, 0.2), 0, 1), 2).astype(np.float32)
fpr, tpr, _ = roc_curve(truths, scores, drop_intermediate=False)

labels = random.integers(0, 5, 80)
logits = random.normal(0, 1, (80, 5)) + 1.2 * np.eye(5)[labels]
several = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
several = np.round(several, 2).astype(np.float32)
known = np.eye(5)[labels]

json.dump(
    {
        "pair": {
            "scores": [round(float(s), 2) for s in scores], "truths": truths.tolist(), "area": roc_auc_score(truths, scores),
            "precision": average_precision_score(truths, scores), "fpr": fpr.tolist(), "tpr": tpr.tolist(),
        },
        "several": {
            "scores": [[round(float(s), 2) for s in row] for row in several], "labels": labels.tolist(),
            "macroArea": roc_auc_score(known, several, average="macro"),
            "macroPrecision": average_precision_score(known, several, average="macro"),
            "microArea": roc_auc_score(known, several, average="micro"),
            "microPrecision": average_precision_score(known, several, average="micro"),
        },
    },
    sys.stdout,
)
