"""The store: where steps put what they made, and the one truth about what is done.

    STORE/steps/<step id>/record.json    recipe, execution, result, environment, files with sizes; written last
                          ...            what the step made: model/, head.safetensors, data/, metrics.json
    STORE/states/<step id>/state.json    which training state to resume from, its files with sizes; written last
                          <name>/        the state; all of it is gone when the step is done
    STORE/failures/<step id>.json        why the step failed the last time, until it is done
    STORE/leases/<step id>.<n>           which driver carries the step out now
    STORE/owners/<driver>.json           its heartbeat

A step is done if and only if its record is there. The record is put into place, whole, after everything else, so a
step that was cut off anywhere is never taken for a whole one; whoever carries it out next clears what it left. In the
same way a training state counts once its note is there, and only then the one before it goes. Records and notes carry
a digest of themselves and list what belongs to them, so what was damaged later is found (`Store.check`) and made again.
The store is a folder or an object store (`trainables.store.address`): steps work in a local directory, which is the
store itself when that is local, and is uploaded otherwise.
"""

from trainables.store.copies import Copy, use
from trainables.store.core import HEAD, METRICS, MODEL, PREDICTIONS, PROBE, RECORD, STATE, Store
from trainables.store.files import Files, StoreError
from trainables.store.garbage import Garbage, clear, clear_copies
from trainables.store.leases import LeaseLost, Leases
from trainables.store.local import hash_model_dir, link_over

__all__ = [
    "HEAD",
    "METRICS",
    "MODEL",
    "PREDICTIONS",
    "PROBE",
    "RECORD",
    "STATE",
    "Copy",
    "Files",
    "LeaseLost",
    "Leases",
    "Garbage",
    "Store",
    "StoreError",
    "clear",
    "clear_copies",
    "hash_model_dir",
    "link_over",
    "use",
]
