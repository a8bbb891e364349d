# The real file describes or packs the extension; the test looks at the installed files instead.
