"""Blocks of a document and the directions before them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.helpers.documents import blocks_of

TEXT = """# Title

Words

    dtbsim run a.yaml   # a comment
    dtbsim validate b.yaml --set x=1 \\
      --set y=2

    RUN/
      config.yaml

<!-- run: set simulation.duration_ms=5; nightly -->

    dtbsim run c.yaml
    dtbsim hash runs/c

<!-- run: setup
value = 3
-->
```python
print(value)
```

<!-- run: prints -->
```text
3
```

<!-- run: replace 1000 => 10 -->
```bash
sleep 1000
```
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "page.md"
    path.write_text(text, encoding="utf-8")
    return path


def test_blocks_and_directions(tmp_path: Path) -> None:
    first, tree, second, code, output, fenced = blocks_of(write(tmp_path, TEXT))
    assert first.language == "shell"
    assert first.line == 5
    assert first.commands == ["dtbsim run a.yaml", "dtbsim validate b.yaml --set x=1  --set y=2"]
    assert tree.language == ""
    assert second.nightly
    assert second.commands == ["dtbsim run c.yaml --set simulation.duration_ms=5", "dtbsim hash runs/c"]
    assert (code.language, code.setup, code.text) == ("python", "value = 3", "print(value)")
    assert output.prints
    assert fenced.commands == ["sleep 10"]


@pytest.mark.parametrize(
    ("direction", "message"),
    [("walk", "no such direction"), ("replace a => b", "no 'a' to replace"), ("set nothing", "no such direction")],
)
def test_wrong_directions_are_errors(tmp_path: Path, direction: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        blocks_of(write(tmp_path, f"<!-- run: {direction} -->\n```python\n1\n```\n"))


def test_a_direction_before_no_block_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="before no block"):
        blocks_of(write(tmp_path, "<!-- run: nightly -->\n\nWords\n"))
