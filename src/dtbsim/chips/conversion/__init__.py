"""From a network as it is built to the numbers of a chip, and to the configuration that runs as the chip does.

conversion = convert(dtbsim.build("net.yaml"), chip, core_of_neuron=None, weight_bits=8)
dtbsim.run(conversion.write("net_on_loihi"))
"""

from dtbsim.chips.conversion.convert import convert as convert
from dtbsim.chips.conversion.result import ChipDrive as ChipDrive
from dtbsim.chips.conversion.result import ChipPopulation as ChipPopulation
from dtbsim.chips.conversion.result import ChipProjection as ChipProjection
from dtbsim.chips.conversion.result import Conversion as Conversion
