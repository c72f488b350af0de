"""Trains a speaker-verification network, quantizes it, fine-tunes it, and measures each.

python tools/train.py --flagfile configs/resnet.flags
"""

import dataclasses

from absl import flags

from tfsv import command

FLAGS = flags.FLAGS

flags.DEFINE_string("run_dir", None, "Folder of the run; run again with it to resume.")
flags.DEFINE_string("corpus", "voices", "'voices' (built in) or the path of a manifest.")
flags.DEFINE_integer("speakers", 100, "Speakers of the voices corpus.", 6)
flags.DEFINE_integer("utterances", 40, "Utterances of each speaker of the voices corpus.", 2)
flags.DEFINE_string("dev_trials", None, "Trials for thresholds. Default: trials/dev.txt.")
flags.DEFINE_string("test_trials", None, "Trials to report. Default: trials/test.txt.")

flags.DEFINE_string("dev_root", None, "Folder of the dev recordings. Default: the manifest.")
flags.DEFINE_string("test_root", None, "Folder of the test recordings. Default: the manifest.")

flags.DEFINE_string("network", "resnet18", "Network, e.g. resnet34; an unknown one lists all.")
flags.DEFINE_integer("channels", None, "Width of its first layers. Default: as published.")
flags.DEFINE_integer("bins", 80, "Mel filters.")
flags.DEFINE_integer("embedding_size", None, "Size of the embedding. Default: as published.")
flags.DEFINE_string("pooling", None, "Pooling over time. Default: as published.")
flags.DEFINE_string("start", None, "Folder of a float model to quantize; none is trained then.")

flags.DEFINE_integer("batch_size", 64, "Crops in a batch.")
flags.DEFINE_float("crop_seconds", 2.0, "Length of a crop, seconds.")
flags.DEFINE_list("speed_factors", ["1.0", "0.9", "1.1"], "Speeds, each making new speakers.")
flags.DEFINE_float("augment_probability", 0.6, "Chance of noise or reverberation on a crop.")
flags.DEFINE_string("musan", None, "MUSAN's folder; noise is generated without it.")
flags.DEFINE_string("rirs", None, "Folder of room impulse responses; generated without it.")
flags.DEFINE_enum(
    "decoder",
    "tensorflow-io",
    ["tensorflow-io", "soundfile"],
    "What decodes the recordings; soundfile takes a third of the time for ogg.",
)
flags.DEFINE_integer("seed", 0, "Seed of everything random.")

flags.DEFINE_float("epochs", 150, "Epochs of float training; may be a fraction.")
flags.DEFINE_string("optimizer", "sgd", "sgd (with Nesterov momentum) or adamw.")
flags.DEFINE_float("learning_rate", 0.1, "First learning rate.")
flags.DEFINE_float("last_learning_rate", 5e-5, "Last learning rate.")
flags.DEFINE_float("warmup", 0.04, "Part of the steps in which the learning rate rises.")
flags.DEFINE_float("margin", 0.2, "Final margin of AAM-softmax, radians.")
flags.DEFINE_float("margin_start", 0.13, "Part of the steps without margin.")
flags.DEFINE_float("margin_end", 0.27, "Part of the steps at which the margin is final.")
flags.DEFINE_float("weight_decay", 1e-4, "Weight decay of every fit.")

flags.DEFINE_bool("spec_augment", False, "Mask random frames and bins of the features.")

flags.DEFINE_integer("bits", 4, "Width of the codes, 1 to 8; 0 trains the float network only.")
flags.DEFINE_string("bit_plan", None, "File with the bits of each layer; see search_bits.py.")
flags.DEFINE_string("scheme", "kmeans", "Quantizer and its settings, e.g. uniform:scale=max.")
flags.DEFINE_float("finetune_epochs", 10, "Epochs of fine-tuning the quantized network.")
flags.DEFINE_float("finetune_learning_rate", 1e-3, "First learning rate of fine-tuning.")
flags.DEFINE_integer("refresh_steps", 100, "Steps between two refreshes of the codebooks.")
flags.DEFINE_integer("stages", 1, "Stages of fine-tuning; 1: all layers in one go.")
flags.DEFINE_string("stage_order", "bits", "Layers that come first: bits, sensitivity or front.")
flags.DEFINE_bool("control", False, "Also train the float network for the further epochs.")
flags.DEFINE_integer("checkpoint_steps", 100, "Steps between two checkpoints.")
flags.mark_flag_as_required("run_dir")


def main(arguments: list[str]) -> None:
    import tensorflow as tf

    from tfsv.errors import InputError
    from tfsv.jobs import recipe

    if arguments:
        raise InputError(f"{arguments[0]}: not a flag; see tools/train.py --help")
    several = len(tf.config.list_physical_devices("GPU")) > 1
    strategy = tf.distribute.MirroredStrategy() if several else None
    print(recipe.summary(recipe.run(recipe_of_flags(), FLAGS.run_dir, strategy)))


def recipe_of_flags():
    """The `tfsv.jobs.recipe.Recipe` that the flags describe; InputError if they cannot."""
    from tfsv.audio.pipeline import PipelineSettings
    from tfsv.errors import InputError
    from tfsv.jobs import recipe

    try:
        speed_factors = tuple(float(factor) for factor in FLAGS.speed_factors)
    except ValueError as error:
        raise InputError(f"--speed_factors={FLAGS.speed_factors}: not all numbers") from error
    pipeline = PipelineSettings(
        batch_size=FLAGS.batch_size,
        crop_seconds=FLAGS.crop_seconds,
        speed_factors=speed_factors,
        augment_probability=FLAGS.augment_probability,
        musan=FLAGS.musan,
        rirs=FLAGS.rirs,
        seed=FLAGS.seed,
        decoder=FLAGS.decoder,
    )
    names = [field.name for field in dataclasses.fields(recipe.Recipe)]
    values = {name: getattr(FLAGS, name) for name in names if name != "pipeline"}
    return recipe.Recipe(pipeline=pipeline, **values)


if __name__ == "__main__":
    command.run(main)
