"""Results as a PACS takes them: segmentation (SEG), structured report (SR), key image (SC), by highdicom."""
