"""Feature maps that are networks."""

import sys

import numpy as np
import pytest
import torch
from torch import nn

from pushforward.errors import FileError, InputError
from pushforward.evaluation.extractors import InceptionFeatures, ModuleFeatures


def test_a_linear_module_is_a_matrix_product(rng):
    module = nn.Linear(4, 3).double()
    rows = rng.normal(size=(10, 4))
    weight, bias = module.weight.detach().numpy(), module.bias.detach().numpy()
    values = ModuleFeatures(module, batch_size=3)(rows)
    assert values.dtype == np.float64
    np.testing.assert_allclose(values, rows @ weight.T + bias, rtol=1e-12)


def test_images_come_with_channels_first(rng):
    images = rng.integers(256, size=(5, 2, 3, 4), dtype=np.uint8)
    expected = images.transpose(0, 3, 1, 2).reshape(5, -1)
    np.testing.assert_array_equal(ModuleFeatures(nn.Identity())(images), expected)
    convolution = nn.Conv2d(1, 2, 3)
    assert ModuleFeatures(convolution)(rng.normal(size=(7, 5, 5))).shape == (7, 2 * 3 * 3)


def test_every_submodule_keeps_its_mode(rng):
    module = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
    module[0].eval()
    rows = rng.normal(size=(50, 4))
    features = ModuleFeatures(module)
    statistics = module[0].running_mean.clone()
    np.testing.assert_array_equal(features(rows), features(rows))  # no dropout
    assert [part.training for part in module] == [False, True, True]
    assert module.training
    assert torch.equal(module[0].running_mean, statistics)
    assert all(p.grad is None for p in module.parameters())

    broken = nn.Sequential(nn.Dropout(), nn.Linear(9, 2))
    with pytest.raises(RuntimeError):
        ModuleFeatures(broken)(rows)
    assert broken[0].training


def test_a_layer_gives_its_output(rng):
    module = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    rows = rng.normal(size=(10, 4)).astype(np.float32)
    features = ModuleFeatures(module, layer="1", batch_size=4)
    expected = module[:2](torch.tensor(rows)).detach().numpy()
    np.testing.assert_allclose(features(rows), expected, rtol=1e-6)
    assert not module[1]._forward_hooks
    assert features.name.endswith(", layer 1")
    with pytest.raises(InputError, match="a layer among 0, 1, 2, got 'last'"):
        ModuleFeatures(module, layer="last")


def test_a_layer_that_is_not_reached_is_refused(rng):
    class Unused(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return self.used(x)

    with pytest.raises(InputError, match="one row per sample, got NoneType"):
        ModuleFeatures(Unused(), layer="unused")(rng.normal(size=(3, 2)))


def test_the_name_tells_weights_apart():
    module = nn.Linear(2, 2)
    name = ModuleFeatures(module).name
    assert ModuleFeatures(module).name == name
    assert ModuleFeatures(nn.Linear(2, 2)).name != name
    assert ModuleFeatures(module, name="mine").name == "mine"


@pytest.mark.parametrize("bad", [np.array([["a"], ["b"]]), np.zeros(3), np.zeros((0, 2))])
def test_data_that_no_module_takes_are_refused(bad):
    with pytest.raises(InputError):
        ModuleFeatures(nn.Identity())(bad)


class Mean(nn.Module):
    def forward(self, x):
        return x.mean()


def test_an_output_that_is_no_row_per_sample_is_refused(rng):
    with pytest.raises(InputError, match="one row per sample"):
        ModuleFeatures(Mean())(rng.normal(size=(3, 2)))


def test_inception_without_its_file_or_package_says_what_to_do(tmp_path, monkeypatch):
    with pytest.raises(FileError, match="Download weights-inception-2015-12-05"):
        InceptionFeatures(tmp_path / "missing.pth")
    path = tmp_path / "weights.pth"
    path.write_bytes(b"not weights")
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", None)
    with pytest.raises(InputError, match="pip install"):
        InceptionFeatures(path)


@pytest.fixture(scope="module")
def inception_file(tmp_path_factory):
    """A file like the real one, with random weights."""
    name = "torch_fidelity.feature_extractor_inceptionv3"
    fidelity = pytest.importorskip(name, exc_type=ImportError)

    class Unloaded(fidelity.FeatureExtractorInceptionV3):
        def load_state_dict(self, *_, **__):
            """Keep the random weights."""

    folder = tmp_path_factory.mktemp("inception")
    empty = folder / "empty.pth"
    torch.save({}, empty)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Unloaded("random", ["2048"], str(empty))
    torch.save(network.state_dict(), folder / "random.pth")
    return folder / "random.pth"


def test_inception_gives_2048_features_of_grey_and_coloured_images(inception_file, rng):
    features = InceptionFeatures(inception_file, batch_size=2)
    grey = rng.integers(256, size=(3, 16, 16), dtype=np.uint8)
    rows = features(grey)
    assert rows.shape == (3, 2048)
    coloured = np.repeat(grey[..., None], 3, axis=3)
    np.testing.assert_allclose(features(coloured.astype(float)), rows, rtol=1e-6, atol=1e-9)
    assert "layer 2048" in features.name
    assert "0..255" in features.name
    for bad in (grey / 255, grey + 0.5, grey * 2.0, grey[0], coloured[..., :2]):
        with pytest.raises(InputError, match="Inception takes images"):
            features(bad)


@pytest.mark.usefixtures("inception_file")  # skips where torch-fidelity is not there
def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"not weights")
    with pytest.raises(FileError, match="does not hold the weights"):
        InceptionFeatures(path)
    torch.save({"fc.weight": torch.zeros(2)}, path)
    with pytest.raises(FileError, match="does not hold the weights"):
        InceptionFeatures(path)
    torch.save(nn.Linear(2, 2), path)  # a pickle that runs code
    with pytest.raises(FileError, match="does not hold the weights"):
        InceptionFeatures(path)
