import errno
import os

import pytest

from tfsv.errors import InputError
from tfsv.files import replacing, require_file, writable_folder, write_text


def test_replaces_only_when_the_block_ends_well(tmp_path):
    path = tmp_path / "deep" / "model.weights.h5"
    with replacing(path) as part:
        assert part.parent == path.parent and part.name.endswith(".weights.h5")
        part.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [file.name for file in path.parent.iterdir()] == ["model.weights.h5"]


def test_full_disk_leaves_the_old_file(tmp_path):
    path = tmp_path / "card.json"
    path.write_text("old")
    with pytest.raises(InputError, match=r"card\.json: not written"), replacing(path) as part:
        part.write_text("new")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        writable_folder(tmp_path / "file")
    blocked = replacing(tmp_path / "file" / "x.json")
    with pytest.raises(InputError, match="cannot be written"), blocked:
        pass


def test_a_pipe_or_device_is_not_replaced(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(InputError, match="pipe: a pipe, not a file; choose another"):
        write_text(path, "text")
    with pytest.raises(InputError, match="pipe: a pipe; 'output' names"):
        require_file(path, "'output' names a file")
    assert path.is_fifo() and list(tmp_path.iterdir()) == [path]
    with pytest.raises(InputError, match="a folder; 'output' names a file"):
        require_file(tmp_path, "'output' names a file")
    require_file(tmp_path / "absent", "")
