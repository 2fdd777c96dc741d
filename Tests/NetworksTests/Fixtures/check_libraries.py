"""Reads weights as other libraries really save them: `graft predict` must give the logits that the library itself gives.

pip install torch torchvision timm efficientnet_pytorch keras h5py pillow safetensors
KERAS_BACKEND=torch python check_libraries.py GRAFT PHOTOGRAPH [WORD ...]     (a WORD selects cases whose name holds it)

Networks are made by the library, their weights random, their norms' statistics far from trivial; the photograph is prepared as the
library says. Each file must be recognised, and give the library's logits to within 1e-3 of the largest.
"""
import json, subprocess, sys, tempfile

import keras, numpy, timm, torch
from efficientnet_pytorch import EfficientNet
from PIL import Image
from safetensors.torch import save_file
from torchvision.transforms import InterpolationMode, functional

GRAFT, PHOTOGRAPH = sys.argv[1:3]
random = numpy.random.default_rng(5)


def graft(*arguments):
    done = subprocess.run([GRAFT, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def photograph(resize, crop, interpolation):
    """[crop, crop, 3], 0...255."""
    image = functional.resize(Image.open(PHOTOGRAPH).convert("RGB"), resize, InterpolationMode(interpolation))
    return numpy.asarray(functional.center_crop(image, crop), "float32")


def norm_values(name, shape):
    """Values for a norm's scale, shift, mean or variance; None for other tensors."""
    if "gamma" in name or name == "weight":
        return random.uniform(0.4, 0.9, shape).astype("float32")
    if "var" in name:
        return random.uniform(0.5, 1.5, shape).astype("float32")
    return random.uniform(-0.3, 0.3, shape).astype("float32")


def shake(model):
    """Gives a torch network's norms and biases values that matter."""
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            for name in ("weight", "bias", "running_mean", "running_var"):
                tensor = getattr(module, name)
                tensor.data.copy_(torch.from_numpy(norm_values(name, tuple(tensor.shape))))
        elif getattr(module, "bias", None) is not None:
            module.bias.data.uniform_(-0.3, 0.3)
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            torch.nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
    return model.eval()


def torch_logits(model, image, mean, deviation):
    x = (image / 255 - numpy.array(mean, "float32")) / numpy.array(deviation, "float32")
    with torch.no_grad():
        return model(torch.from_numpy(x.astype("float32").transpose(2, 0, 1))[None])[0].numpy()


def check(case, network, files, expected):
    for file in files:
        facts = graft("weights", "inspect", "--json", file)
        names = [facts["network"], *facts["alternatives"]]
        assert facts["fits"] and network in names, (case, file, facts["network"], facts["missing"][:3], facts["unexpected"][:3])
        found = numpy.array(graft("predict", "--network", network, "--weights", file, "--logits", "--json", PHOTOGRAPH)["logits"])
        difference = abs(found - expected).max() / abs(expected).max()
        print(f"{case}: {file.split('/')[-1]}: {network} in {facts['source']}'s names, {facts['container']}, {difference:.1e}", flush=True)
        assert difference < 1e-3


def timm_case(name, network, folder):
    model = shake(timm.create_model(name, pretrained=False))
    config = timm.data.resolve_model_data_config(model)
    # The networks' published preparation is torchvision's or TensorFlow's; timm's own differs in the size before the crop at most.
    resize, crop, interpolation = 256, 224, "bilinear" if name.startswith(("resnet", "vgg")) else "bicubic"
    files = [f"{folder}/{name}.pth", f"{folder}/{name}.safetensors"]
    torch.save({"state_dict": {f"module.{key}": value for key, value in model.state_dict().items()}}, files[0])
    save_file(model.state_dict(), files[1])
    check(f"timm {name}", network, files, torch_logits(model, photograph(resize, crop, interpolation), config["mean"], config["std"]))


def pytorch_case(name, network, folder):
    model = shake(EfficientNet.from_name(name))
    file = f"{folder}/{name}.pth"
    torch.save(model.state_dict(), file)
    crop = EfficientNet.get_image_size(name)  # the package's padding is made for this side alone
    expected = torch_logits(model, photograph(crop + 32, crop, "bicubic"), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    check(f"efficientnet-pytorch {name}", network, [file], expected)


def shake_keras(model):
    """Gives a Keras network's norms and biases values that matter, those of nested models included."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            shake_keras(layer)
        elif isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([norm_values(weight.path, weight.shape) for weight in layer.weights])
        elif isinstance(layer, keras.layers.Normalization):
            kinds = {"mean": [0.4, 0.5, 0.6], "variance": [0.05, 0.06, 0.07]}
            for weight in layer.weights:
                if (kind := weight.path.split("/")[-1]) in kinds:
                    weight.assign(numpy.array(kinds[kind], "float32").reshape(weight.shape))
            layer.finalize_state()
        elif getattr(layer, "use_bias", False):
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel * 1.4, random.uniform(-0.3, 0.3, bias.shape).astype("float32")])


def check_keras(case, name, model, network, folder):
    shake_keras(model)
    module = getattr(keras.applications, {"ResNet50": "resnet", "VGG16": "vgg16", "EfficientNetB0": "efficientnet"}[name])
    image = photograph(256, 224, "bicubic" if name.startswith("Eff") else "bilinear")
    expected = numpy.asarray(model.predict(module.preprocess_input(image[None].copy()), verbose=0))[0]
    files = [f"{folder}/{name}.{suffix}" for suffix in ("h5", "weights.h5", "keras")]
    model.save(files[0])
    model.save_weights(files[1])
    model.save(files[2])
    check(f"keras {keras.__version__} {case}", network, files, expected)


def keras_case(name, network, folder):
    check_keras(name, name, getattr(keras.applications, name)(weights=None, classifier_activation=None), network, folder)


def keras_nested_case(name, network, folder):
    """As tutorials fine-tune: the network is one layer of a model, or its output goes on into layers of one's own."""
    def base(**options):
        return getattr(keras.applications, name)(include_top=False, weights=None, input_shape=(224, 224, 3), **options)

    layers, inputs = keras.layers, keras.Input((224, 224, 3))
    sequential = keras.Sequential([inputs, base(pooling="avg"), layers.Dropout(0.2), layers.Dense(3)])
    check_keras(f"{name} in a Sequential", name, sequential, network, folder)
    x = layers.RandomRotation(0.1)(layers.RandomFlip("horizontal")(inputs))
    x = layers.GlobalAveragePooling2D()(base()(x, training=False))
    functional_model = keras.Model(inputs, layers.Dense(5, name="animals")(layers.Dropout(0.3)(x)))
    check_keras(f"{name} in a functional model", name, functional_model, network, folder)
    trunk = base(pooling="avg")
    check_keras(f"{name} gone on", name, keras.Model(trunk.input, layers.Dense(4, name="flowers")(trunk.output)), network, folder)


CASES = [
    (keras_case, "ResNet50", "keras_resnet50"), (keras_case, "VGG16", "vgg16"), (keras_case, "EfficientNetB0", "tf_efficientnet_b0"),
    (keras_nested_case, "ResNet50", "keras_resnet50"), (keras_nested_case, "EfficientNetB0", "tf_efficientnet_b0"),
    (timm_case, "resnet18", "resnet18"), (timm_case, "resnet50", "resnet50"), (timm_case, "vgg11_bn", "vgg11_bn"),
    (timm_case, "vgg16", "vgg16"), (timm_case, "efficientnet_b0", "efficientnet_b0"),
    # timm's own efficientnet_lite0 pads alike on both sides and has ImageNet's mean: another network under the same names as the
    # tf_ one, which is the published one and the catalogue's. No file tells them apart.
    (timm_case, "tf_efficientnet_b0", "tf_efficientnet_b0"), (timm_case, "tf_efficientnet_lite0", "efficientnet_lite0"),
    (pytorch_case, "efficientnet-b0", "tf_efficientnet_b0"), (pytorch_case, "efficientnet-b1", "tf_efficientnet_b1"),
]
for case, name, network in CASES:
    if sys.argv[3:] and not any(word in f"{case.__name__} {name}" for word in sys.argv[3:]):
        continue
    with tempfile.TemporaryDirectory() as folder:
        case(name, network, folder)
