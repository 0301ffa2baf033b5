"""Rows of the metrics that other libraries compute, for the entry points of ssimtool.

Standard library only, so that the names are known without torch. The functions load the libraries.
"""

from __future__ import annotations

from functools import partial

from ssimtool.catalog import Metric

WITHOUT_TORCHVISION = "pip install --no-deps piq"
_piq_row = partial(
    Metric,
    takes=("data_range",),
    unit="-",
    packages=("piq",),
    install=f'pip install "ssimtool[metrics]", or without torchvision: {WITHOUT_TORCHVISION}',
)

PIQ = (
    _piq_row(
        name="gmsd",
        title="GMSD",
        function="ssimtool.metrics.adapters.piq:gmsd",
        better="lower",
        lowest=0,
        highest=0.5,
        symmetric=True,
        formula="standard deviation of the similarity of the gradient magnitudes of luma",
        source="Xue, Zhang, Mou, Bovik 2014, eq. 6, doi:10.1109/TIP.2013.2293423",
    ),
    _piq_row(
        name="ms_gmsd",
        title="MS-GMSD",
        function="ssimtool.metrics.adapters.piq:ms_gmsd",
        better="lower",
        lowest=0,
        highest=0.5,
        smallest_side=17,
        symmetric=True,
        formula="square root of the weighted mean of GMSD^2 over four scales",
        source="Zhang, Sander, Bermak 2017, doi:10.1109/ICASSP.2017.7952357",
    ),
    _piq_row(
        name="haarpsi",
        title="HaarPSI",
        function="ssimtool.metrics.adapters.piq:haarpsi",
        better="higher",
        lowest=0,
        highest=1,
        decimals=6,
        smallest_side=16,
        symmetric=True,
        formula="weighted mean of the similarity of Haar wavelet coefficients, through a logistic "
        "function",
        source="Reisenhofer, Bosse, Kutyniok, Wiegand 2018, doi:10.1016/j.image.2017.11.001",
    ),
    _piq_row(
        name="mdsi",
        title="MDSI",
        function="ssimtool.metrics.adapters.piq:mdsi",
        better="lower",
        lowest=0,
        highest=None,
        symmetric=False,
        formula="fourth root of the mean absolute deviation of the fourth root of 0.6 gradient "
        "similarity + 0.4 chromaticity similarity",
        source="Nafchi, Shahkolaei, Hedjam, Cheriet 2016, doi:10.1109/ACCESS.2016.2604042",
    ),
    _piq_row(
        name="vsi",
        title="VSI",
        function="ssimtool.metrics.adapters.piq:vsi",
        better="higher",
        lowest=0,
        highest=1,
        decimals=6,
        symmetric=True,
        formula="mean of saliency, gradient and chroma similarity, weighted by the greater "
        "saliency",
        source="Zhang, Shen, Li 2014, doi:10.1109/TIP.2014.2346028",
    ),
    _piq_row(
        name="fsim",
        title="FSIMc",
        function="ssimtool.metrics.adapters.piq:fsim",
        better="higher",
        lowest=0,
        highest=1,
        decimals=6,
        smallest_side=2,
        symmetric=True,
        formula="mean of phase congruency, gradient and chroma similarity, weighted by the greater "
        "phase congruency",
        source="Zhang, Zhang, Mou, Zhang 2011, doi:10.1109/TIP.2011.2109730",
    ),
    _piq_row(
        name="vifp",
        title="VIFp",
        function="ssimtool.metrics.adapters.piq:vifp",
        better="higher",
        lowest=0,
        highest=None,
        range_words="0 to 1, above 1 with enhanced contrast",
        decimals=6,
        smallest_side=41,
        symmetric=False,
        formula="information that the distorted image has about the reference / information of the "
        "reference, over four scales of luma",
        source="Sheikh, Bovik 2006, in the pixel domain, doi:10.1109/TIP.2005.859378",
    ),
)

SKIMAGE = (
    Metric(
        name="ciede2000",
        title="CIEDE2000",
        function="ssimtool.metrics.adapters.skimage:ciede2000",
        takes=("data_range",),
        unit="delta E",
        better="lower",
        lowest=0,
        highest=None,
        symmetric=True,
        formula="mean over the pixels of the colour difference delta E 00, of sRGB under D65",
        source="Luo, Cui, Rigg 2001, doi:10.1002/col.1049",
        packages=("skimage",),
        install='pip install "ssimtool[metrics]"',
    ),
)
