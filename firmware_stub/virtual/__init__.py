"""Virtual boards: the firmware image executed by Unicorn, its cycles by a timing model.

Nothing is imported here: Unicorn (GPLv2), numba and Capstone load when
``hwprof.firmware_stub.virtual.board`` is imported.
"""
