"""Plain PyTorch, as its tutorials write it: fp32, default layout, a Dataset that decodes.

python -m described.torch_way JOB.json RESULT.json
"""

import sys
from pathlib import Path

from described.job import Job
from described.stopwatch import Stopwatch, write_result

stopwatch = Stopwatch()

import cv2  # noqa: E402  its import is part of what is measured
import numpy as np  # noqa: E402
import PIL  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, Dataset  # noqa: E402

_FILL = {
    "nearest": cv2.BORDER_REPLICATE,
    "constant": cv2.BORDER_CONSTANT,
    "reflect": cv2.BORDER_REFLECT,
}
_WORKERS = 2
# The filters of VGG16's five blocks.
_VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
# ImageNet's mean, blue first, of 0 to 255 (keras.applications, mode "caffe").
_CAFFE_MEAN = np.array([103.939, 116.779, 123.68], dtype=np.float32)


class Films(Dataset):
    """The films of one part; each is decoded whenever it is asked for."""

    def __init__(self, job, part, *, changing):
        self.job = job
        self.changing = changing
        self.rows = [
            (path, index)
            for index, name in enumerate(job.classes)
            for path in sorted((Path(job.folder) / part / name).iterdir())
        ]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        job = self.job
        path, label = self.rows[index]
        height, width = job.side
        with Image.open(path) as image:
            film = image.convert("L" if job.channels == 1 else "RGB").resize((width, height))
        pixels = np.asarray(film, dtype=np.float32)
        if self.changing:
            pixels = changed(pixels, job.augment)
        pixels = pixels[..., ::-1] - _CAFFE_MEAN if job.caffe else pixels / 255
        pixels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
        return torch.from_numpy(np.ascontiguousarray(pixels)), label


def changed(pixels, augment):
    """Return a film after one random affine warp and flips."""

    def about_zero(limit):
        return (2 * torch.rand(()).item() - 1) * limit

    height, width = pixels.shape[:2]
    geometry = ("rotation_degrees", "zoom", "shear_degrees", "shift")
    if any(augment[name] for name in geometry):
        zoom, angle = 1 + about_zero(augment["zoom"]), about_zero(augment["rotation_degrees"])
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, zoom)
        lean = np.tan(np.radians(about_zero(augment["shear_degrees"])))
        matrix = matrix @ np.array([[1, lean, -lean * height / 2], [0, 1, 0], [0, 0, 1]])
        matrix[:, 2] += about_zero(augment["shift"]) * width, about_zero(augment["shift"]) * height
        pixels = cv2.warpAffine(pixels, matrix, (width, height), borderMode=_FILL[augment["fill"]])
    if augment["horizontal_flip"] and torch.rand(()).item() < 0.5:
        pixels = pixels[:, ::-1]
    if augment["vertical_flip"] and torch.rand(()).item() < 0.5:
        pixels = pixels[::-1]
    return pixels


def flattened(modules, job):
    """Return convolutional layers, flattened, and how many values that makes."""
    body = nn.Sequential(*modules, nn.Flatten())
    with torch.no_grad():
        n_values = body.eval()(torch.zeros(1, job.channels, *job.side)).shape[1]
    return body.train(), n_values


def dense_layers(n_values, widths, dropout, *, n_outputs):
    """Return dense layers, each with its dropout, and the output."""
    modules = []
    for width in widths:
        modules += [nn.Linear(n_values, width), nn.ReLU(), nn.Dropout(dropout)]
        n_values = width
    return [*modules, nn.Linear(n_values, n_outputs)]


def two_conv(job, n_outputs):
    """Return two-conv."""
    options = job.options
    first, second = options["filters"]
    body, n_values = flattened(
        [
            nn.Conv2d(job.channels, first, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(first, second, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Dropout(options["dropout_maps"]),
        ],
        job,
    )  # fmt: skip
    widths = (options["dense"],)
    dense = dense_layers(n_values, widths, options["dropout_features"], n_outputs=n_outputs)
    return nn.Sequential(body, *dense)


def conv_stack(job, n_outputs):
    """Return a stack of convolutions."""
    options = job.options
    modules, depth = [], job.channels
    for filters in options["filters"]:
        modules.append(nn.Conv2d(depth, filters, options["kernel"], padding=options["padding"]))
        if options["batch_norm"]:
            modules.append(nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01))
        modules += [nn.ReLU(), nn.MaxPool2d(2)]
        depth = filters
    body, n_values = flattened([*modules, nn.Dropout(options["dropout_maps"])], job)
    dense = dense_layers(n_values, options["dense"], options["dropout_dense"], n_outputs=n_outputs)
    return nn.Sequential(body, *dense)


def vgg16(job, n_outputs):
    """Return VGG16 with the layers that the job trains, and new dense layers."""
    blocks, depth = [], job.channels
    for filters in _VGG16:
        block = []
        for width in filters:
            block += [nn.Conv2d(depth, width, 3, padding=1), nn.ReLU()]
            depth = width
        blocks.append(nn.Sequential(*block, nn.MaxPool2d(2)))
    if job.weights:
        load_vgg16(blocks, job.weights)
    n_frozen = {"all": 0, "last-block": 4, "head": 5}[job.trained]
    for block in blocks[:n_frozen]:
        block.requires_grad_(False)
    options = job.options
    pooling = [] if options["pooling"] == "flatten" else [nn.AdaptiveAvgPool2d(1)]
    body, n_values = flattened([*blocks, *pooling], job)
    head = []
    for width in options["dense"]:
        head += [nn.Linear(n_values, width), nn.ReLU()]
        n_values = width
    return nn.Sequential(
        body, *head, nn.Dropout(options["dropout"]), nn.Linear(n_values, n_outputs)
    )


def load_vgg16(blocks, weights):
    """Put the weights of a file (kernels height, width, in, out) into the blocks."""
    from safetensors.numpy import load_file

    values = load_file(weights)
    for number, block in enumerate(blocks, start=1):
        convolutions = [layer for layer in block if isinstance(layer, nn.Conv2d)]
        for index, layer in enumerate(convolutions, start=1):
            name = f"block{number}_conv{index}"
            kernel = values[f"{name}/kernel"].astype(np.float32).transpose(3, 2, 0, 1)
            layer.weight.data = torch.from_numpy(np.ascontiguousarray(kernel))
            layer.bias.data = torch.from_numpy(values[f"{name}/bias"].astype(np.float32))


def densenet121(job, n_outputs):
    """Return MONAI's DenseNet121."""
    from monai.networks.nets import DenseNet121

    if job.options["dense"] or job.options["dropout"]:
        raise SystemExit("the plain DenseNet121 has no dense layers before its output")
    return DenseNet121(spatial_dims=2, in_channels=job.channels, out_channels=n_outputs)


BUILDERS = {
    "two-conv": two_conv,
    "conv-stack": conv_stack,
    "vgg16": vgg16,
    "densenet121": densenet121,
}


def loaders(job):
    """Return the loaders of train, val and test."""

    def loader(part, *, changing):
        return DataLoader(
            Films(job, part, changing=changing),
            batch_size=job.train["batch_size"],
            shuffle=changing,
            num_workers=_WORKERS,
        )

    return (
        loader("train", changing=True),
        loader("val", changing=False),
        loader("test", changing=False),
    )


def loss_of(job, outputs, labels):
    """Return the mean cross-entropy."""
    if job.sigmoid:
        return nn.functional.binary_cross_entropy_with_logits(outputs[:, 0], labels.float())
    return nn.functional.cross_entropy(outputs, labels)


@torch.no_grad()
def answers(job, network, loader):
    """Return labels and probabilities of a part, and the mean loss."""
    network.eval()
    labels, scores, total = [], [], 0.0
    for images, wanted in loader:
        outputs = network(images)
        total += float(loss_of(job, outputs, wanted)) * len(wanted)
        if job.sigmoid:
            positive = torch.sigmoid(outputs)
            scores.append(torch.cat([1 - positive, positive], dim=1))
        else:
            scores.append(outputs.softmax(dim=1))
        labels.append(wanted)
    return torch.cat(labels), torch.cat(scores), total / len(loader.dataset)


def fit(job, network, train, validation):
    """Train, and look at the validation films after each epoch."""
    trained = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=job.train["learning_rate"], eps=job.train["epsilon"])
    for epoch in range(1, job.train["epochs"] + 1):
        stopwatch.epoch_begins()
        network.train()
        total = 0.0
        for images, labels in train:
            loss = loss_of(job, network(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
            stopwatch.step_done()
        _, _, watched = answers(job, network, validation)
        stopwatch.epoch_ends()
        print(f"epoch {epoch}: loss {total / len(train.dataset):.4f}, val {watched:.4f}")


def main(job_file, result_file):
    """Train as the job says and write what was found."""
    job = Job.read(job_file)
    torch.manual_seed(job.seed)
    cv2.setNumThreads(0)
    stopwatch.start()
    train, validation, test = loaders(job)
    network = BUILDERS[job.architecture](job, 1 if job.sigmoid else len(job.classes))
    fit(job, network, train, validation)
    stopwatch.trained()
    labels, scores, _ = answers(job, network, test)
    write_result(
        result_file,
        stopwatch,
        n_train=len(train.dataset),
        n_parameters=sum(p.numel() for p in network.parameters()),
        test=(labels.tolist(), scores.tolist()),
        more={
            "versions": {"torch": torch.__version__, "pillow": PIL.__version__},
            "classes": list(job.classes),
        },
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
