"""The kinds of attack, by the name that the command knows them by."""

from . import archives, damaged, disks, kills, scenes, sessions

KINDS = {
    "sessions": sessions,
    "scenes": scenes,
    "kills": kills,
    "disks": disks,
    "damaged": damaged,
    "archives": archives,
}
