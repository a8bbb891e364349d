"""The doubt of all slices, as a row of bars."""

from ICHHPINetLib.reporting.doubt_bars import bars
from slicer.i18n import tr as _

# Of one width in every font, as high as the doubt, in the color of text: nothing to do for dark styles and
# large screens.
_BLOCKS = " ▁▂▃▄▅▆▇█"
_LINK = '<a href="{index}" style="color:palette(window-text);text-decoration:none">{block}</a>'


class DoubtStrip:
    """A label in which every bar is a link to its slice.

    :param ui: widgets of the panel
    :param nextSlice: shows a slice
    """

    def __init__(self, ui, nextSlice):
        self._label = ui.doubtStripLabel
        self._nextSlice = nextSlice
        self._label.connect("linkActivated(QString)", self.onLink)
        self._label.visible = False
        self._shown = None

    def show(self, doubt):
        """Bars for ``doubt``, None for none."""
        if doubt is self._shown:
            return
        self._shown = doubt
        self._label.visible = doubt is not None
        if doubt is None:
            return
        links = [_LINK.format(index=index, block=_BLOCKS[level]) for index, level in bars(doubt.areas)]
        self._label.text = _("feet {bars} head").format(bars="".join(links))

    def onLink(self, link):
        """The bar of a slice was clicked."""
        self._nextSlice.goTo(int(link))
