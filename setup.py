"""Package layout: the top-level folders `kernels/` and `partition/` are imported as `dtbsim.kernels` and so on.

The mapping here serves wheels and sdists; the committed links `src/dtbsim/kernels` and `src/dtbsim/partition` serve
editable installs and tools that read the source tree (docs/adr/0001-package-layout.md).
"""

from setuptools import find_namespace_packages, find_packages, setup

PACKAGES = find_packages("src")
for top in ("kernels", "partition"):
    PACKAGES += [f"dtbsim.{top}", *(f"dtbsim.{top}.{sub}" for sub in find_namespace_packages(top))]

setup(
    packages=sorted({name for name in PACKAGES if "__pycache__" not in name}),
    package_dir={"": "src", "dtbsim.kernels": "kernels", "dtbsim.partition": "partition"},
)
