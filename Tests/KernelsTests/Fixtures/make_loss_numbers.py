"""Prints the numbers of LossTests.weightsAndFocusEqualTorch.

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
