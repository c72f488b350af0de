"""The commands of `tfsv`, a file each; `tfsv.commands.main` starts them."""
