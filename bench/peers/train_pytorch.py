"""PyTorch: a step of the recipe's head at a time, with its Adam."""

from protocol import Spec, Trial, need, serve

# Keras's, where PyTorch's own differ.
EPSILON = 1e-3
MOMENTUM = 0.01
ADAM_EPSILON = 1e-7


def open_trial(spec: Spec) -> Trial:
    torch = need("torch")
    np = need("numpy")
    from head_training import CLASSES, SHAPE, TrainingTrial

    torch.set_num_threads(spec.threads)
    torch.set_num_interop_threads(1)
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    nn = torch.nn
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(int(np.prod(SHAPE)), 256),
        nn.ReLU(),
        nn.BatchNorm1d(256, EPSILON, MOMENTUM),
        nn.Linear(256, 128),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.BatchNorm1d(128, EPSILON, MOMENTUM),
        nn.Linear(128, CLASSES),
    ).to(device)
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=ADAM_EPSILON)
    loss_of = nn.CrossEntropyLoss()

    def step(features, labels):
        optimizer.zero_grad()
        outputs = model(torch.from_numpy(features).to(device))
        loss = loss_of(outputs, torch.from_numpy(labels).to(device))
        loss.backward()
        optimizer.step()
        return float(loss)

    where = torch.cuda.get_device_name() if device == "cuda" else f"CPU, {spec.threads} threads"
    return TrainingTrial(spec, {"torch": torch.__version__}, where, step)


if __name__ == "__main__":
    serve(open_trial)
