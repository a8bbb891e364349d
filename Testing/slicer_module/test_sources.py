"""What can be read off the module's sources: names of the .ui file, tooltips, lazy imports."""

import ast
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

INTERACTIVE = {
    "QPushButton",
    "QToolButton",
    "QCheckBox",
    "QComboBox",
    "QLineEdit",
    "QProgressBar",
    "qMRMLNodeComboBox",
    "qMRMLTableView",
    "ctkSliderWidget",
    "ctkCollapsibleButton",
}


@pytest.fixture(scope="module")
def module_folder(repository):
    return repository / "ICHHPINet"


@pytest.fixture(scope="module")
def sources(module_folder):
    files = [module_folder / "ICHHPINet.py", *(module_folder / "ICHHPINetSupport").glob("*.py")]
    return {path.name: path.read_text(encoding="utf-8") for path in files}


@pytest.fixture(scope="module")
def ui(module_folder):
    return ET.parse(module_folder / "Resources" / "UI" / "ICHHPINet.ui").getroot()


@pytest.fixture(scope="module")
def all_ui(module_folder):
    """Of every .ui file: its name and its root."""
    files = (module_folder / "Resources" / "UI").glob("*.ui")
    return {path.name: ET.parse(path).getroot() for path in files}


@pytest.fixture(scope="module")
def widgets(ui):
    return {element.get("name"): element for element in ui.iter("widget")}


def text_of(element, name):
    found = element.find(f"property[@name='{name}']/string")
    return "" if found is None else found.text or ""


def test_every_widget_that_the_code_names_is_in_the_ui_file(sources, widgets):
    named = {name for source in sources.values() for name in re.findall(r"\b_?ui\.(\w+)", source)}
    assert named
    assert named <= set(widgets)


def test_everything_but_frames_has_a_tooltip(all_ui):
    without = [
        f"{file}: {element.get('name')}"
        for file, root in all_ui.items()
        for element in root.iter("widget")
        if element.get("class") not in ("qMRMLWidget", "QWidget", "QFrame")
        and not text_of(element, "toolTip")
    ]
    assert without == []


def test_the_tab_key_reaches_every_control_from_top_to_bottom(ui, widgets):
    stops = [element.text for element in ui.find("tabstops")]
    controls = [
        name for name, element in widgets.items() if element.get("class") in INTERACTIVE - {"QProgressBar"}
    ]
    assert stops == controls


def test_labels_of_inputs_lead_to_them(ui, widgets):
    inputs = {"QComboBox", "QLineEdit", "qMRMLNodeComboBox", "ctkSliderWidget"}
    named = {element.text for element in ui.findall(".//property[@name='buddy']/cstring")}
    assert named == {name for name, element in widgets.items() if element.get("class") in inputs}


def test_letters_behind_alt_are_unique_and_none_of_slicers_menus(all_ui):
    letters = [
        letter.lower()
        for root in all_ui.values()
        for element in root.iter("widget")
        for letter in re.findall("&(.)", text_of(element, "text") + text_of(element, "title"))
    ]
    assert len(letters) > 10
    assert sorted(set(letters)) == sorted(letters)
    assert not set(letters) & set("fevh"), "File, Edit, View and Help"


def test_nothing_is_measured_in_pixels_or_has_a_color_of_its_own(all_ui):
    for file, root in all_ui.items():
        for name in ("minimumSize", "maximumSize", "geometry", "baseSize", "palette"):
            assert root.find(f".//property[@name='{name}']") is None, f"{file}: {name}"
        assert root.find(".//color") is None, file
        assert root.find(".//font/pixelsize") is None, file


def test_panel_is_in_the_order_of_the_work(ui):
    names = [element.get("name") for element in ui.iter("widget")]
    work = [
        "inputSelector",
        "firstGuessButton",
        "foregroundButton",
        "brushSlider",
        "refineButton",
        "nextSliceButton",
        "undoRoundButton",
    ]
    work += [
        "progressBar",
        "cancelButton",
        "volumeLabel",
        "researchLabel",
        "doubtStripLabel",
        "nextFocusButton",
        "exportTableButton",
        "roundsTable",
        "deviceComboBox",
    ]
    assert [name for name in names if name in work] == work


def test_research_line_is_there_once_beside_the_volume_and_not_to_be_collapsed(ui, widgets):
    parents = {child: parent for parent in ui.iter() for child in parent}
    texts = [name for name, element in widgets.items() if "medical device" in text_of(element, "text")]
    assert texts == ["researchLabel"]
    headline = parents[parents[widgets["researchLabel"]]]
    assert headline is parents[parents[widgets["volumeLabel"]]]
    for name in ("researchLabel", "exportLabelmapButton", "exportTableButton"):
        element, classes = widgets[name], set()
        while element in parents:
            element = parents[element]
            classes.add(element.get("class"))
        assert "ctkCollapsibleButton" not in classes


def test_what_is_rarely_used_is_collapsed(widgets):
    for name, text in (("roundsCollapsibleButton", "Rounds"), ("advancedCollapsibleButton", "Advanced")):
        assert text_of(widgets[name], "text") == text
        assert widgets[name].find("property[@name='collapsed']/bool").text == "true"


def test_volume_is_the_largest_text(ui, widgets):
    sizes = {
        name: int(element.find("property[@name='font']/font/pointsize").text)
        for name, element in widgets.items()
        if element.find("property[@name='font']/font/pointsize") is not None
    }
    assert max(sizes, key=sizes.get) == "volumeLabel"


def test_shortcuts_are_listed_in_tooltips(sources, widgets):
    keys = dict(re.findall(r'"(\w+)": "((?:Shift|Ctrl)\+\w)"', sources["Shortcuts.py"]))
    buttons = {"foreground": "foregroundButton", "background": "backgroundButton"}
    buttons |= {"refine": "refineButton", "undo": "undoRoundButton", "nextSlice": "nextSliceButton"}
    buttons["undoScribble"] = "undoScribbleButton"
    assert set(keys) == set(buttons)
    for action, button in buttons.items():
        assert keys[action] in text_of(widgets[button], "toolTip")


def test_sections_for_what_follows_a_result_are_closed_at_first(widgets):
    for name, title in (("compare", "Compare with another CT"), ("report", "Report, DICOM")):
        button = widgets[f"{name}CollapsibleButton"]
        assert text_of(button, "text") == title
        assert button.find("property[@name='collapsed']/bool").text == "true"


def test_no_style_sheets(sources, ui):
    assert not any("styleSheet" in source or "StyleSheet" in source for source in sources.values())
    assert ui.find(".//property[@name='styleSheet']") is None


def test_parameters_of_the_ui_are_parameters_of_the_node(sources, ui):
    tree = ast.parse(sources["Logic.py"])
    node = next(
        item for item in tree.body if isinstance(item, ast.ClassDef) and item.name == "ICHHPINetParameterNode"
    )
    parameters = {item.target.id for item in node.body if isinstance(item, ast.AnnAssign)}
    bound = {
        element.find("string").text
        for element in ui.iter("property")
        if element.get("name") == "SlicerParameterName"
    }
    assert bound <= parameters
    assert {"scribbles", "hematoma", "hematomaLabelmap", "rounds"} <= parameters
    documented = ast.get_docstring(node)
    assert all(f"{name} - " in documented for name in parameters)


def test_nothing_is_installed_outside_the_installer(sources):
    for name, source in sources.items():
        if name != "PackageInstaller.py":
            assert "pip_" not in source, name


def test_no_module_imports_torch_at_its_top(sources):
    for name, source in sources.items():
        imported = {
            alias.name.split(".")[0]
            for item in ast.parse(source).body
            if isinstance(item, ast.Import)
            for alias in item.names
        } | {
            item.module.split(".")[0]
            for item in ast.parse(source).body
            if isinstance(item, ast.ImportFrom) and item.module
        }
        assert not imported & {"torch", "safetensors", "skimage", "monai", "matplotlib"}, name


def test_the_panel_needs_nothing_that_is_yet_to_be_installed():
    code = (
        "import sys\n"
        "missing = 'torch', 'slicer', 'vtk', 'qt', 'matplotlib', 'highdicom'\n"
        "sys.modules.update(dict.fromkeys(missing))\n"
        "import ICHHPINetLib.interaction.controller, ICHHPINetLib.interaction.session_factory\n"
        "import ICHHPINetLib.interaction.executor, ICHHPINetLib.phantom, ICHHPINetLib.weights.loading\n"
        "import ICHHPINetLib.reporting.report_page, ICHHPINetLib.reporting.comparison_picture\n"
        "import ICHHPINetLib.dicom_export.sr, ICHHPINetLib.dicom_export.sc, ICHHPINetLib.dicom_export.seg\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_panel_installs_what_the_package_asks_for(sources, repository):
    project = (repository / "pyproject.toml").read_text(encoding="utf-8")
    wanted = re.findall(r'"\w+>=[\d.]+"', sources["PackageInstaller.py"])
    assert len(wanted) == 2 and all(one in project for one in wanted)


def test_start_of_slicer_imports_little(repository):
    """Slicer executes the module's script at every start, whether anybody opens the panel or not."""
    seen, outside, todo = set(), set(), ["ICHHPINet.ICHHPINet"]
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        files = [repository.joinpath(*name.split(".")).with_suffix(".py")]
        files.append(files[0].with_suffix("") / "__init__.py")
        file = next((file for file in files if file.is_file()), None)
        if file is None:
            outside.add(name.split(".")[0])
            continue
        todo += _imported(file, name if file.name == "__init__.py" else name.rpartition(".")[0])
    assert "ICHHPINetLib.interaction.controller" in seen
    assert not outside & {"scipy", "pydicom", "matplotlib", "highdicom", "torch"}
    assert not [name for name in seen if name.startswith("ICHHPINetLib.dicom_export")]


def _imported(file, package):
    """Names of the modules that a file imports at its top, with the packages around them."""
    for item in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(item, ast.Import):
            names = [alias.name for alias in item.names]
        elif isinstance(item, ast.ImportFrom):
            parts = package.split(".")[: 1 - item.level or None] if item.level else []
            base = ".".join([*parts, *filter(None, [item.module])])
            names = [base, *(f"{base}.{alias.name}" for alias in item.names)]
        else:
            continue
        for name in names:
            inside = f"ICHHPINet.{name}" if name.startswith("ICHHPINetSupport") else name
            for end in range(1, inside.count(".") + 2):
                yield ".".join(inside.split(".")[:end])
