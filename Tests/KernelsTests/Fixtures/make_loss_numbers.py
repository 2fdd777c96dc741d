"""Prints the numbers of LossTests.

    python make_loss_numbers.py    (torch)
"""
import torch

torch.set_default_dtype(torch.float64)
scores = torch.tensor([[0.5, -1, 2], [1, 0, -0.5], [0.1, 0.2, -3]], requires_grad=True)
labels, weights = torch.tensor([2, 0, 1]), torch.tensor([0.2, 1, 3])
for smoothing in (0, 0.1):
    loss = torch.nn.CrossEntropyLoss(weight=weights, label_smoothing=smoothing)(scores, labels)
    print(f"weights, smoothing {smoothing}:", loss.item(), torch.autograd.grad(loss, scores)[0].flatten().tolist())
for gamma in (0.5, 2):
    log_p = torch.log_softmax(scores, 1)[range(3), labels]
    loss = (-((1 - log_p.exp()) ** gamma) * log_p).mean()
    print(f"focal {gamma}:", loss.item(), torch.autograd.grad(loss, scores)[0].flatten().tolist())
soft = torch.tensor([[0.3, 0, 0.7], [1, 0, 0], [0.25, 0.75, 0]])
for weight, smoothing in ((None, 0), (None, 0.1), (weights, 0)):
    loss = torch.nn.CrossEntropyLoss(weight=weight, label_smoothing=smoothing)(scores, soft)
    print(f"targets, {weight}, {smoothing}:", loss.item(), torch.autograd.grad(loss, scores)[0].flatten().tolist())
rows = torch.tensor([2, 0.5, 1])
loss = (rows * torch.nn.functional.cross_entropy(scores, labels, reduction="none", label_smoothing=0.1)).sum() / rows.sum()
print("weights of rows:", loss.item(), torch.autograd.grad(loss, scores)[0].flatten().tolist())
targets = torch.tensor([[0, 1, 1], [1, 0, 0], [0, 0, 0.25]])
for weight in (None, weights):
    loss = torch.nn.BCEWithLogitsLoss(pos_weight=weight)(scores, targets)
    print(f"several classes, {weight}:", loss.item(), torch.autograd.grad(loss, scores)[0].flatten().tolist())
