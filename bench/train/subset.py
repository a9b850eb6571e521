"""A smaller archive of the same layout: every k-th tile of each class.

    python subset.py ARCHIVE.zip TILES OUTPUT.zip
"""

import re
import sys
import zipfile
from collections import defaultdict

archive, tiles, output = sys.argv[1], int(sys.argv[2]), sys.argv[3]
with zipfile.ZipFile(archive) as source, zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as target:
    classes = defaultdict(list)
    for name in source.namelist():
        if name.endswith(".jpeg"):
            classes[name.rsplit("/", 1)[0]].append(name)
    wanted = tiles // len(classes)
    for names in classes.values():
        names.sort(key=lambda name: int(re.findall(r"\d+", name)[-1]))
        for i in range(wanted):
            name = names[i * len(names) // wanted]
            target.writestr(name, source.read(name))
