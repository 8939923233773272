"""Layers: functions of traced matrices, one small file each."""
