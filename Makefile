# make demo: train, quantize, fine-tune, export and verify a small network on built-in voices
# make test: lint and tests
# make app-test: tests of the Android app on the desktop JVM
# make apk: the app, signed, with the models of tfsv/demo inside
# make goldens: writes the app's golden files anew
# make arm-check: the app's golden files on ARM kernels, by emulation

PYTHON ?= python3
VENV ?= .venv
PY = $(VENV)/bin/python
TFSV = $(VENV)/bin/tfsv
RUN = runs/resnet
CORPUS = $(RUN)/corpus
MODEL = $(RUN)/model.tflite
ENROL = v0080/s0/000.wav $(CORPUS)/v0080/s1/001.wav
SAME = v0080/s2/002.wav
OTHER = v0081/s2/002.wav

.PHONY: demo test app-test apk goldens arm-check clean

demo: $(VENV)/installed
	$(TFSV) train --flagfile configs/resnet.flags --run_dir=$(RUN)
	$(TFSV) export --model=$(RUN)/fine_tuned --output=$(MODEL) --weights=packed \
	  --trials=$(CORPUS)/trials/dev.txt --root=$(CORPUS)
	$(TFSV) evaluate --model=$(RUN)/float,$(RUN)/fine_tuned,$(MODEL) \
	  --trials=$(CORPUS)/trials/test.txt --root=$(CORPUS) --output=$(RUN)/test
	$(TFSV) verify $(MODEL) $(CORPUS)/$(ENROL) -- $(CORPUS)/$(SAME) $(CORPUS)/$(OTHER) \
	  || test $$? -eq 2

test: $(VENV)/installed
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m pytest -n 2 --dist loadfile

app-test:
	$(PYTHON) mobile_demo/ci/test.py

apk:
	$(PYTHON) mobile_demo/ci/build_apk.py

goldens: $(VENV)/installed
	$(TFSV) make-goldens --output=mobile_demo/golden

arm-check:
	$(PYTHON) mobile_demo/ci/arm_check.py

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet -e '.[test]'
	touch $@

clean:
	rm -rf $(VENV) runs
