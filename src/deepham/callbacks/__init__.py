from deepham.system.quick_imports import quicken

quicken()
