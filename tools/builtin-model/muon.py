"""Muon: momentum whose matrix is made orthogonal before it is a step (Jordan et al., 2024; scaled as in Liu et al., 2025)."""

import torch


def orthogonal(matrix, steps=5):
    """The nearest matrix with singular values of about 1, by a Newton-Schulz iteration in bfloat16."""
    x = matrix.bfloat16()
    turned = x.shape[0] > x.shape[1]
    if turned:
        x = x.t()
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        square = x @ x.t()
        x = torch.addmm(x, torch.addmm(square, square, square, beta=-4.7750, alpha=2.0315), x, beta=3.4445)
    return (x.t() if turned else x).float()


class Muon:
    """For matrices only. Steps are as long as those of Adam, so that both take the same learning rate."""

    def __init__(self, matrices, momentum=0.95, weight_decay=0.03):
        self.matrices, self.momentum, self.weight_decay = list(matrices), momentum, weight_decay
        self.means = [torch.zeros_like(matrix) for matrix in self.matrices]

    def state_dict(self):
        return self.means

    def load_state_dict(self, means):
        self.means = means

    def directions(self, mine):
        """Steps of the matrices whose index `mine` accepts, zeros for the others, all in one vector."""
        out = []
        for index, (matrix, mean) in enumerate(zip(self.matrices, self.means)):
            mean.lerp_(matrix.grad, 1 - self.momentum)
            if not mine(index):
                out.append(torch.zeros(matrix.numel(), device=matrix.device))
                continue
            ahead = torch.lerp(matrix.grad, mean, self.momentum)
            out.append((orthogonal(ahead) * (0.2 * max(matrix.shape) ** 0.5)).flatten())
        return torch.cat(out)

    def step(self, directions, rate):
        sizes = [matrix.numel() for matrix in self.matrices]
        for matrix, direction in zip(self.matrices, directions.split(sizes)):
            matrix.mul_(1 - rate * self.weight_decay).sub_(direction.view_as(matrix), alpha=rate)
